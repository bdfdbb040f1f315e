import type { Clock } from '../../proto/clock.ts';
import { type ErrorCode, MusterError } from '../../proto/errors.ts';
import { keyId } from '../../proto/frame.ts';
import { toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import { labelProblem } from '../../proto/name.ts';
import type { Database, Late, Statement } from '../db/database.ts';
import type { Bus } from '../events.ts';
import type { Log } from '../log.ts';
import { applyLimit, parseLimit, seededFractions } from '../targeting/limit.ts';
import { match } from '../targeting/match.ts';
import { parseTargets, type TargetList } from '../targeting/parse.ts';
import { parseSelector } from '../targeting/selector.ts';
import { type Agent, admit, inSession, type SessionProof } from './agent.ts';
import { parseFacts } from './facts-shape.ts';
import { newChain, reportStored } from './reports.ts';
import {
  agentById,
  agentOf,
  allAgents,
  approve,
  beginSession,
  keepInstance,
  reportPlace,
  setFacts,
  setLabels,
  setLastSeen,
  setRemoved,
  setState,
} from './store.ts';

export interface InventoryPorts {
  clock: Clock;
  db: Database;
  bus: Bus;
  log: Log;
  audit: { entry(actor: { name: string }, action: string, detail: object): Statement };
  /** A number in [0, 1), for `--limit` without a seed. */
  fraction(): number;
  /** Cuts an agent's session. */
  drop(agentId: string, code: ErrorCode): void;
}

export interface Query {
  targets?: string | undefined;
  selector?: string | undefined;
  limit?: string | undefined;
  seed?: number | undefined;
  /** Only these ids; without targets and selector all of them. */
  among?: ReadonlySet<string> | undefined;
}

/** What is known of a session while it lasts. */
export interface Presence {
  sinceMs: number;
  address: string | null;
  /** Its wall clock minus ours when the session began: shown, never relied on. */
  clockSkewMs: number;
}

const SYSTEM = { name: 'muster' };

export type Inventory = Awaited<ReturnType<typeof openInventory>>;

/** The fleet. All agents are in memory: ten thousand of them take a few MB, and every target is matched against them. */
export async function openInventory(ports: InventoryPorts) {
  const { db, bus, clock, audit, log } = ports;
  const agents = new Map<string, Agent>();
  const byName = new Map<string, string>();
  const present = new Map<string, Presence>();

  const keep = (agent: Agent): void => {
    const before = agents.get(agent.id);
    if (before && before.name !== agent.name) byName.delete(before.name);
    agents.set(agent.id, agent);
    byName.set(agent.name, agent.id);
  };
  for (const row of await db.read(allAgents())) keep(agentOf(row));

  const view = (agent: Agent) => {
    const presence = present.get(agent.id);
    return { ...agent, online: presence !== undefined, presence };
  };

  function find(nameOrId: string) {
    const agent = agents.get(nameOrId) ?? agents.get(byName.get(nameOrId) ?? '');
    if (!agent) throw new MusterError('no-such-agent', nameOrId.slice(0, LIMITS.nameChars));
    return agent;
  }

  /**
   * Nobody is an empty list. Where some were found and one that was named does not exist, it is an error: the order would
   * reach fewer hosts than was meant.
   */
  function choose(query: Query, narrow: Narrow = (matched) => matched) {
    const targets = query.targets === undefined ? undefined : parseTargets(query.targets);
    const selector = query.selector === undefined ? undefined : parseSelector(query.selector);
    const everybody = [...agents.values()];
    const { among } = query;
    const { agents: matched, unknown } =
      among && !targets && !selector
        ? { agents: everybody.sort(byAgentName), unknown: [] }
        : match(everybody, { targets, selector });
    const meant = narrow(among ? matched.filter((agent) => among.has(agent.id)) : matched, targets);
    if (unknown.length > 0 && meant.length > 0) throw new MusterError('no-such-agent', listed(unknown));
    if (query.limit === undefined) return meant;
    const random = query.seed === undefined ? ports.fraction : seededFractions(query.seed);
    return applyLimit(meant, parseLimit(query.limit), random);
  }

  /** Memory follows the store: whatever else happened to the agent meanwhile is in its row. */
  async function refresh(agentId: string): Promise<Agent | undefined> {
    const [row] = await db.read(agentById({ id: agentId }));
    if (!row || row.removed_at_ms !== null) return undefined;
    const agent = agentOf(row);
    keep(agent);
    return agent;
  }

  async function setStateOf(agentId: string, state: 'quarantined', why: string): Promise<void> {
    const agent = agents.get(agentId);
    if (!agent || agent.state === state) return;
    await db.write([
      setState({ id: agentId, state }),
      audit.entry(SYSTEM, 'agent.quarantine', { agent: agent.name, id: agentId, why }),
    ]);
    await refresh(agentId);
    log.warn({ agent: agent.name, why }, 'agent quarantined');
    ports.drop(agentId, 'agent-quarantined');
    bus.emit({ type: 'agent-changed', agentId });
  }

  /** Two machines share a retired epoch: the first is kept and told to renew it, the other is told that it was not. */
  async function refuseRetired(agentId: string, proof: SessionProof): Promise<never> {
    await db.write([
      {
        late(tx) {
          const [row] = tx.read(agentById({ id: agentId }));
          if (!row || admit(agentOf(row), proof) !== 'renew') throw new MusterError('agent-replaced');
          return [keepInstance({ id: agentId, instance: proof.instance })];
        },
      },
    ]);
    await refresh(agentId);
    throw new MusterError('epoch-renew');
  }

  return {
    find: (nameOrId: string) => view(find(nameOrId)),
    get: (agentId: string) => {
      const agent = agents.get(agentId);
      return agent && view(agent);
    },
    list: (query: Pick<Query, 'targets' | 'selector'>) => {
      const chosen =
        query.targets === undefined && query.selector === undefined
          ? [...agents.values()].sort(byAgentName)
          : choose(query);
      return chosen.map(view);
    },
    /**
     * Agents that an order may be for: those that are active. One that was named and is not is an error, so that nobody is left
     * out in silence. Throws agent-pending, agent-quarantined.
     */
    meant: (query: Query) => choose(query, activeOnly).map(view),
    quarantine: (agentId: string, why: string) => setStateOf(agentId, 'quarantined', why),
    reportStored,

    /** Called by enrolment once the agent's row is committed. */
    async enrolled(agentId: string, replaced?: string): Promise<void> {
      if (replaced !== undefined) forget(replaced);
      await refresh(agentId);
      bus.emit({ type: 'agent-enrolled', agentId });
    },

    /**
     * Begins a session, durably. Throws MusterError: agent-unknown, stale-session, agent-quarantined, agent-removed, epoch-renew,
     * agent-replaced.
     */
    async begin(agentId: string, proof: SessionProof, presence: Presence) {
      const agent = agents.get(agentId);
      if (!agent) throw new MusterError('agent-unknown');
      if (agent.state === 'pending') throw new MusterError('agent-pending');
      if (agent.state === 'quarantined') throw new MusterError('agent-quarantined');
      const verdict = admit(agent, proof);
      if (verdict === 'stale') throw new MusterError('stale-session');
      if (verdict === 'replaced') throw new MusterError('agent-replaced');
      if (verdict === 'renew') return refuseRetired(agentId, proof);
      if (verdict === 'conflict') {
        await setStateOf(agentId, 'quarantined', 'two machines use its keys');
        throw new MusterError('agent-quarantined');
      }
      const nowMs = clock.now();
      const next = inSession(agent, proof, nowMs);
      // Before the commit: a second session with this counter, at the same moment, is already too late.
      keep(next);
      await db.write([newChain(agentId, proof.epoch), beginSession({ id: agentId, ...proof, nowMs })]);
      const begun = await refresh(agentId);
      if (!begun) throw new MusterError('agent-removed');
      // A second machine may have shown itself meanwhile.
      if (begun.state !== 'active') throw new MusterError('agent-quarantined');
      present.set(agentId, presence);
      const [place] = await db.read(reportPlace({ id: agentId }));
      return {
        receipt: place?.report_chain ? { seq: place.report_seq, chain: place.report_chain } : null,
        factsDigest: begun.factsDigest,
      };
    },
    online: (agentId: string) => bus.emit({ type: 'agent-online', agentId }),
    /** The session is over. */
    async end(agentId: string): Promise<void> {
      const agent = agents.get(agentId);
      if (!present.delete(agentId) || !agent) return;
      const nowMs = clock.now();
      keep({ ...agent, lastSeenMs: nowMs });
      bus.emit({ type: 'agent-offline', agentId });
      await db.write([setLastSeen({ id: agentId, nowMs })]);
      await refresh(agentId);
    },

    /** Throws MusterError('malformed') when these are no facts. */
    async learn(agentId: string, digest: Uint8Array, json: Uint8Array): Promise<void> {
      const agent = agents.get(agentId);
      if (!agent) return;
      const facts = parseFacts(json);
      if (!facts || digest.length !== LIMITS.hashBytes) throw new MusterError('malformed', 'facts');
      const nowMs = clock.now();
      await db.write([setFacts({ id: agentId, facts: JSON.stringify(facts), digest, nowMs })]);
      await refresh(agentId);
      bus.emit({ type: 'agent-changed', agentId });
    },

    async label(
      nameOrId: string,
      set: Record<string, string>,
      remove: readonly string[],
      actor: { name: string },
    ) {
      const agent = find(nameOrId);
      for (const [key, value] of Object.entries(set)) {
        const problem = labelProblem(key, value);
        if (problem) throw new MusterError('bad-request', `label ${key}=${value}: ${problem}`);
      }
      await db.write([
        changeLabels(agent.id, set, remove),
        audit.entry(actor, 'agent.label', { agent: agent.name, id: agent.id, set, remove }),
      ]);
      const labelled = await refresh(agent.id);
      bus.emit({ type: 'agent-changed', agentId: agent.id });
      return { ...labelled?.labels };
    },

    /** Lets a waiting agent in, or of one that was quarantined the machine that comes first: it begins a new epoch. */
    async approve(nameOrId: string, actor: { name: string }): Promise<void> {
      const agent = find(nameOrId);
      if (agent.state === 'active') return;
      await db.write([
        ...approve({ id: agent.id }),
        audit.entry(actor, 'agent.approve', { agent: agent.name, id: agent.id, was: agent.state }),
      ]);
      await refresh(agent.id);
      bus.emit({ type: 'agent-changed', agentId: agent.id });
    },

    /** Cuts the agent off and refuses its key from now on. */
    async remove(nameOrId: string, actor: { name: string }): Promise<void> {
      const agent = find(nameOrId);
      await db.write([
        setRemoved({ id: agent.id, nowMs: clock.now() }),
        audit.entry(actor, 'agent.remove', { agent: agent.name, id: agent.id }),
      ]);
      forget(agent.id);
    },

    /** It removed itself from its host, as a job ordered: its name is free from now on. */
    async left(agentId: string, job: { readonly id: string; readonly by: string }): Promise<void> {
      const agent = agents.get(agentId);
      if (!agent) return;
      await db.write([
        setRemoved({ id: agentId, nowMs: clock.now() }),
        audit.entry({ name: job.by }, 'agent.uninstall', { agent: agent.name, id: agentId, job: job.id }),
      ]);
      forget(agentId);
    },

    /** Agents that have a session. */
    present: () => [...present.keys()],

    figures() {
      const counts = new Map<string, { state: string; online: boolean; count: number }>();
      for (const agent of agents.values()) {
        const online = present.has(agent.id);
        const key = `${agent.state} ${online}`;
        const entry = counts.get(key) ?? { state: agent.state, online, count: 0 };
        counts.set(key, { ...entry, count: entry.count + 1 });
      }
      return [...counts.values()];
    },
  };

  function forget(agentId: string): void {
    const agent = agents.get(agentId);
    agents.delete(agentId);
    if (agent && byName.get(agent.name) === agentId) byName.delete(agent.name);
    present.delete(agentId);
    ports.drop(agentId, 'agent-removed');
    bus.emit({ type: 'agent-removed', agentId });
  }
}

const byAgentName = (a: Agent, b: Agent): number => (a.name < b.name ? -1 : 1);

type Narrow = (matched: Agent[], targets: TargetList | undefined) => Agent[];

const activeOnly: Narrow = (matched, targets) => {
  const named = targets?.include.names;
  const left = matched.find(
    (agent) => agent.state !== 'active' && (named?.has(agent.name) || named?.has(agent.id)),
  );
  if (left)
    throw new MusterError(left.state === 'pending' ? 'agent-pending' : 'agent-quarantined', left.name);
  return matched.filter((agent) => agent.state === 'active');
};

/** Decided on the labels as they are in the store: two operators at once lose nothing of each other's. */
function changeLabels(id: string, set: Record<string, string>, remove: readonly string[]): Late {
  return {
    late(tx) {
      const [row] = tx.read(agentById({ id }));
      if (!row) return [];
      const removed = new Set(remove);
      const before = Object.entries(JSON.parse(row.labels) as Record<string, string>);
      const labels = { ...Object.fromEntries(before.filter(([key]) => !removed.has(key))), ...set };
      if (Object.keys(labels).length > LIMITS.labelsPerAgent)
        throw new MusterError('bad-request', `an agent has at most ${LIMITS.labelsPerAgent} labels`);
      return [setLabels({ id, labels: JSON.stringify(labels) })];
    },
  };
}

/** What an agent prints of its signing key, to compare. */
export function fingerprint(agent: Pick<Agent, 'signKey'>): string {
  return toHex(keyId('agent-sign', agent.signKey));
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
