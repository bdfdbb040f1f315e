import { acceptPublicKeys, idOfAgent } from '../../certs/identity.ts';
import { MusterError } from '../../proto/errors.ts';
import { equalBytes, toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import { labelProblem, nameProblem } from '../../proto/name.ts';
import type { Statement, Transaction } from '../db/database.ts';
import { agentById, agentByName, approve, insertAgents, setLabels, setRemoved } from '../inventory/store.ts';
import type { EnrolmentPorts } from './ports.ts';

/** What an installer read back from a host over a channel whose other end it had checked. Keys and epoch are hex. */
export interface Registration {
  name: string;
  signKey: string;
  boxKey: string;
  epoch: string;
  labels?: Record<string, string>;
  hostname?: string;
  replace?: boolean;
}

export interface Registered {
  name: string;
  id: string;
  labels: Record<string, string>;
  created: boolean;
  replaced: string | null;
}

/**
 * Lets a host in whose public keys an operator vouches for; no secret is ever made. The same keys under the same name are
 * registered once, whatever is repeated; their labels are added to, and who waited for an operator's word has it. Throws MusterError:
 * bad-key, bad-name, bad-request, name-taken, agent-removed, agent-quarantined.
 */
export async function register(
  ports: EnrolmentPorts,
  asked: Registration,
  by: { name: string },
): Promise<Registered> {
  const keys = acceptPublicKeys({
    sign: Buffer.from(asked.signKey, 'hex'),
    box: Buffer.from(asked.boxKey, 'hex'),
  });
  const { fleetId } = ports.fleet.current();
  const id = toHex(idOfAgent(fleetId, keys.sign));
  const problem = nameProblem(asked.name);
  if (problem) throw new MusterError('bad-name', problem);
  for (const [key, value] of Object.entries(asked.labels ?? {})) {
    const wrong = labelProblem(key, value);
    if (wrong) throw new MusterError('bad-request', `label ${key}=${value}: ${wrong}`);
  }
  let registered: Registered | undefined;
  await ports.db.write([
    {
      late(tx) {
        const { statements, ...result } = decide(ports, tx, asked, { id, keys }, by);
        registered = result;
        return statements;
      },
    },
  ]);
  const result = registered as unknown as Registered;
  await ports.enrolled(id, result.replaced ?? undefined);
  return result;
}

function decide(
  ports: EnrolmentPorts,
  tx: Transaction,
  asked: Registration,
  agent: { id: string; keys: { sign: Uint8Array; box: Uint8Array } },
  by: { name: string },
): Registered & { statements: Statement[] } {
  const { id, keys } = agent;
  const { name } = asked;
  const nowMs = ports.clock.now();
  const [known] = tx.read(agentById({ id }));
  if (known?.state === 'removed') throw new MusterError('agent-removed', known.name);
  if (known && known.name !== name)
    throw new MusterError('name-taken', `this host is registered already, as ${known.name}`);
  if (known && !equalBytes(known.box_key, keys.box))
    throw new MusterError('bad-key', 'this host is registered with another box key');
  if (known?.state === 'quarantined') throw new MusterError('agent-quarantined', name);
  const before = known ? (JSON.parse(known.labels) as Record<string, string>) : {};
  const labels = { ...before, ...asked.labels };
  if (Object.keys(labels).length > LIMITS.labelsPerAgent)
    throw new MusterError('bad-request', `an agent has at most ${LIMITS.labelsPerAgent} labels`);
  if (known) {
    const statements: Statement[] = [];
    if (JSON.stringify(before) !== JSON.stringify(labels))
      statements.push(
        setLabels({ id, labels: JSON.stringify(labels) }),
        ports.audit.entry(by, 'agent.label', { agent: name, id, set: asked.labels, remove: [] }),
      );
    if (known.state === 'pending')
      statements.push(
        ...approve({ id }),
        ports.audit.entry(by, 'agent.approve', { agent: name, id, was: known.state }),
      );
    return { name, id, labels, created: false, replaced: null, statements };
  }
  const [holder] = tx.read(agentByName({ name }));
  if (holder && !asked.replace)
    throw new MusterError('name-taken', `${name}; remove that agent, or take its name with --replace`);
  const replaced = holder?.id ?? null;
  return {
    ...{ name, id, labels, created: true, replaced },
    statements: [
      ...(replaced === null ? [] : [setRemoved({ id: replaced, nowMs })]),
      ...insertAgents([
        {
          ...{ id, name, epoch: asked.epoch, sign_key: keys.sign, box_key: keys.box },
          labels: JSON.stringify(labels),
          claimed_labels: '{}',
          state: 'active',
          hostname: asked.hostname ?? null,
          enrolled_at_ms: nowMs,
        },
      ]),
      ports.audit.entry(by, 'agent.register', {
        ...{ agent: name, id, labels },
        ...(replaced === null ? {} : { replaced }),
      }),
    ],
  };
}
