import type { SignatureMessage } from '../../proto/codec.ts';
import { hmacSha512 } from '../../proto/crypto.ts';
import { MusterError } from '../../proto/errors.ts';
import { equalBytes, toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import type { Statement } from '../db/database.ts';
import { refusalOf } from '../jobs/create.ts';
import type { Prepared } from '../jobs/prepare.ts';
import { changesAgents } from '../jobs/request.ts';
import type { Shown, ShownPolicy } from './history.ts';
import type { Laid } from './policy.ts';
import type { Actor, RolloutAgent, RolloutsPorts } from './ports.ts';
import type { RolloutRequest } from './request.ts';
import { type Gate, type Host, STEPS, type Wave } from './rollout.ts';
import { eventRows } from './rows.ts';
import {
  type JobStep,
  lifeOf,
  nameOfRollout,
  observerProbes,
  ownProbes,
  rebootOf,
  rebootsIn,
  stepJobs,
  tasksOf,
} from './steps.ts';
import {
  insertHosts,
  insertRolloutJobs,
  insertRollouts,
  insertWaves,
  rolloutByKey,
  takenHosts,
} from './store.ts';
import { layOut } from './waves.ts';

export interface Started {
  rollout: string;
  created: boolean;
  hosts: number;
  waves: number;
}

export interface Checked {
  hosts: number;
  policy: ShownPolicy;
  waves: { name: string; hosts: string[]; gate: Gate }[];
  warnings: string[];
}

/** One order of a rollout, for whoever signs it: `job` tells it from the others. */
export interface RolloutOrder {
  readonly step: JobStep;
  readonly wave: number | null;
  readonly prepared: Prepared;
}

/** A rollout that was thought through to the bytes of its orders, and of which nothing is stored yet. */
export interface PreparedRollout {
  readonly rollout: string;
  readonly orders: readonly RolloutOrder[];
  readonly waves: readonly Wave[];
  /**
   * Makes it, whole or not at all. `signatures`: by the id of the job, of those who sign beside the controller. Throws as startRollout.
   */
  commit(signatures?: ReadonlyMap<string, readonly SignatureMessage[]>): Promise<Started>;
}

/** Orders of one rollout; each wave has one for every probe that is not its hosts' own. */
const MOST_JOBS = 2_000;
/** Of all its orders together: they are written in one transaction, and lie in memory while somebody signs them. */
const MOST_RUNS = 500_000;
const MOST_ORDER_BYTES = 64 * 1024 * 1024;
const MOST_NAMED = 5;

type Ports = Pick<
  RolloutsPorts,
  'clock' | 'random' | 'db' | 'audit' | 'inventory' | 'jobs' | 'jobKey' | 'admit'
>;

/**
 * How it would go. Throws MusterError: bad-request (with all that is wrong, a line each), bad-target, bad-selector, no-such-agent, nobody-matched,
 * host-busy, forbidden.
 */
export async function checkRollout(ports: Ports, request: RolloutRequest, actor: Actor): Promise<Checked> {
  const { laid, warnings } = await laidOut(ports, request, actor);
  await refuseBusy(ports, request, laid.hosts);
  return {
    hosts: laid.hosts.length,
    policy: shownPolicy(request, laid),
    waves: laid.waves.map(({ index, name, gate }) => ({
      ...{ name, gate },
      hosts: laid.hosts.filter(({ wave }) => wave === index).map((host) => host.name),
    })),
    warnings: [...warnings],
  };
}

/** Throws MusterError: idempotency-conflict, as checkRollout, and what jobs.hold throws. */
export async function prepareRollout(
  ports: Ports,
  request: RolloutRequest,
  actor: Actor,
  idempotencyKey?: string,
): Promise<PreparedRollout> {
  ports.admit();
  const { laid, agents } = await laidOut(ports, request, actor);
  await refuseBusy(ports, request, laid.hosts);
  const { clock, jobs, inventory } = ports;
  const lifeMs = lifeOf(request);
  const byId = new Map(agents.map((agent) => [agent.id, agent]));
  const wanted = stepJobs(request, laid.waves, laid.hosts);
  if (wanted.length > MOST_JOBS)
    throw new MusterError('too-large', `${wanted.length} orders, and a rollout has at most ${MOST_JOBS}`);
  const orders: RolloutOrder[] = [];
  let runs = 0;
  let bytes = 0;
  for (const { step, wave, request: job, ids, probe } of wanted) {
    const of =
      ids === null
        ? observersOf(inventory, probe?.from, probe?.name ?? '')
        : ids.flatMap((id) => byId.get(id) ?? []);
    runs += of.length;
    if (runs > MOST_RUNS)
      throw new MusterError(
        'too-large',
        `more than ${MOST_RUNS} runs; fewer waves, or fewer hosts at a time`,
      );
    const prepared = await jobs.hold(job, actor, of, lifeMs);
    bytes += prepared.order.length;
    if (bytes > MOST_ORDER_BYTES)
      throw new MusterError('too-large', `its orders come to more than ${MOST_ORDER_BYTES} bytes`);
    orders.push({ step, wave, prepared });
  }
  const id = toHex(ports.random(LIMITS.jobIdBytes));

  function statements(signatures: ReadonlyMap<string, readonly SignatureMessage[]>): Statement[] {
    const atMs = clock.now();
    const { plan, kind, title } = request.change;
    const groups = new Map(
      plan?.hosts.flatMap(({ agentIds }, group) => agentIds.map((one) => [one, group] as const)),
    );
    return [
      ...(request.busy === 'wait' ? [] : [notBusy(laid.hosts)]),
      ...orders.flatMap(({ prepared }) => prepared.statements(signatures.get(prepared.job))),
      ...insertRollouts([
        {
          ...{ id, name: nameOfRollout(request), kind, title, note: request.reason ?? null },
          ...{
            state: 'running',
            reason: null,
            created_by: actor.name,
            created_at_ms: atMs,
            ended_at_ms: null,
          },
          expires_at_ms: laid.policy.expiresAtMs,
          ...{ hosts_count: laid.hosts.length, waves_count: laid.waves.length },
          idempotency_key: idempotencyKey ?? null,
          request_digest: digestOf(ports, request),
          plan_digest: plan?.digest ?? null,
          cancels: 0,
          policy: JSON.stringify(laid.policy),
          shown: JSON.stringify(shownOf(request)),
          changes: plan
            ? JSON.stringify(plan.hosts.map(({ manager, changes }) => ({ manager, changes })))
            : null,
        },
      ]),
      ...insertWaves(
        laid.waves.map((wave) => ({
          ...{ rollout_id: id, wave: wave.index, name: wave.name, state: wave.state },
          ...{ gate: JSON.stringify(wave.gate), max_failures: wave.maxFailures },
        })),
      ),
      ...insertHosts(
        laid.hosts.map((host, place) => ({
          ...{ rollout_id: id, agent_id: host.id, place, agent_name: host.name, wave: host.wave },
          ...{ phase: host.phase, way_back: host.wayBack ? 1 : 0, changed: 0 },
          change_group: groups.get(host.id) ?? null,
        })),
      ),
      ...insertRolloutJobs(
        orders.map(({ step, wave, prepared }) => ({ rollout_id: id, job_id: prepared.job, step, wave })),
      ),
      ...eventRows(id, [{ what: 'created', by: actor.name, reason: request.reason ?? null }], atMs),
      ports.audit.entry(actor, 'rollout.start', {
        ...{ rollout: id, name: nameOfRollout(request), kind, title },
        ...{ hosts: laid.hosts.length, waves: laid.waves.length },
        ...{ maxUnavailable: laid.policy.maxUnavailable, maxFailures: laid.policy.maxFailures },
        jobs: orders.map(({ step, wave, prepared }) => ({ step, wave, job: prepared.job })).slice(0, 64),
        ...(plan ? { plan: plan.digest } : {}),
        ...(request.reason === undefined ? {} : { reason: request.reason }),
      }),
    ];
  }

  return {
    rollout: id,
    orders,
    waves: laid.waves,
    async commit(signatures = new Map()) {
      try {
        await ports.db.write(statements(signatures));
      } catch (error) {
        throw refusalOf(error);
      }
      for (const { prepared } of orders) prepared.written();
      return { rollout: id, created: true, hosts: laid.hosts.length, waves: laid.waves.length };
    },
  };
}

/** What this key made before. Throws MusterError('idempotency-conflict'). */
export async function earlierRollout(
  ports: Pick<Ports, 'db' | 'jobKey'>,
  request: RolloutRequest,
  actor: Actor,
  key: string | undefined,
): Promise<Started | undefined> {
  if (key === undefined) return undefined;
  const [row] = await ports.db.read(rolloutByKey({ by: actor.name, key }));
  if (!row) return undefined;
  if (!equalBytes(row.request_digest, digestOf(ports, request)))
    throw new MusterError('idempotency-conflict');
  return { rollout: row.id, created: false, hosts: row.hosts_count, waves: row.waves_count };
}

function digestOf({ jobKey }: Pick<Ports, 'jobKey'>, request: RolloutRequest): Uint8Array {
  return hmacSha512(jobKey, Buffer.from(JSON.stringify(request)));
}

async function laidOut(
  { inventory, clock }: Ports,
  request: RolloutRequest,
  actor: Actor,
): Promise<{ laid: Laid; agents: RolloutAgent[]; warnings: readonly string[] }> {
  if (changesAgents(request.change.tasks) && actor.role !== 'admin')
    throw new MusterError('forbidden', 'agents are upgraded by admins');
  if (request.change.tasks.some((task) => 'uninstall' in task))
    throw new MusterError('bad-request', 'agents are not uninstalled by a rollout');
  const agents = agentsOf(inventory, request);
  if (agents.length === 0)
    throw new MusterError('nobody-matched', request.targets ?? request.selector ?? 'the plan');
  const { laid, problems, warnings } = layOut(request, agents, clock.now());
  if (laid === null) throw new MusterError('bad-request', problems.slice(0, 20).join('\n'));
  for (const probe of observerProbes(request)) observersOf(inventory, probe.from, probe.name);
  // What the controller probes of each host is part of its check.
  const { policy } = laid;
  const steps = STEPS.filter(
    (step) => policy.steps.includes(step) || (step === 'check' && policy.probes.controller),
  );
  return { laid: { ...laid, policy: { ...policy, steps } }, agents, warnings };
}

function agentsOf(
  inventory: Ports['inventory'],
  { targets, selector, change }: RolloutRequest,
): RolloutAgent[] {
  if (change.plan === undefined) {
    if (targets === undefined && selector === undefined)
      throw new MusterError('bad-request', 'a rollout needs targets, a selector or both, or a plan');
    return inventory.meant({ targets, selector });
  }
  const among = new Set(change.plan.hosts.flatMap(({ agentIds }) => agentIds));
  return inventory.meant({ targets, selector, among });
}

function observersOf(inventory: Ports['inventory'], from: unknown, name: string): RolloutAgent[] {
  const { targets, selector } = from as { targets?: string; selector?: string };
  const observers = inventory.meant({ targets, selector });
  if (observers.length === 0)
    throw new MusterError('nobody-matched', `nobody observes for the probe ${name}`);
  return observers;
}

async function refuseBusy(
  { db }: Pick<Ports, 'db'>,
  request: RolloutRequest,
  hosts: readonly Host[],
): Promise<void> {
  if (request.busy !== 'wait') refuseTaken(await db.read(takenHosts()), hosts);
}

/** Looked at once more in the transaction: another rollout may have begun since. */
function notBusy(hosts: readonly Host[]): Statement {
  return {
    late(tx) {
      refuseTaken(tx.read(takenHosts()), hosts);
      return [];
    },
  };
}

function refuseTaken(taken: readonly { agent_id: string; name: string }[], hosts: readonly Host[]): void {
  const by = new Map(taken.map((row) => [row.agent_id, row.name]));
  const busy = hosts.filter(({ id }) => by.has(id));
  if (busy.length === 0) return;
  const named = busy.slice(0, MOST_NAMED).map(({ id, name }) => `${name} (${by.get(id)})`);
  const more = busy.length > MOST_NAMED ? ` and ${busy.length - MOST_NAMED} more` : '';
  throw new MusterError('host-busy', `${named.join(', ')}${more}; "busy: wait" waits for them`);
}

function shownOf(request: RolloutRequest): Shown {
  const { windows = [], freezes = [], busy = 'refuse', probes = [] } = request;
  return {
    ...{ reboot: rebootOf(request), windows, freezes, busy },
    probes: probes.map(({ name, from = 'host' }) => ({
      name,
      from:
        typeof from === 'string'
          ? from
          : [from.targets && `-t ${from.targets}`, from.selector && `-l ${from.selector}`]
              .filter(Boolean)
              .join(' '),
    })),
    own: ownProbes(request),
    reboots: { change: rebootsIn(tasksOf('change', request)), undo: rebootsIn(tasksOf('undo', request)) },
  };
}

function shownPolicy(request: RolloutRequest, { policy }: Laid): ShownPolicy {
  const { reboot, windows, freezes, busy } = shownOf(request);
  const { maxUnavailable, maxFailures, onFailure, expiresAtMs } = policy;
  return { maxUnavailable, maxFailures, onFailure, reboot, windows, freezes, busy, expiresAtMs };
}
