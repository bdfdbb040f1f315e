/**
 * The order that a request becomes. The controller makes it here, and an operator who signs it makes it here once more of what he asked
 * for, and compares the bytes: so it depends on nothing but what is given. Pure.
 */
import { type Encodable, Order, type OrderMessage } from '../../proto/codec.ts';
import { MusterError } from '../../proto/errors.ts';
import { fromHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import { type MerkleTree, merkleTree, targetLeaf } from '../../proto/merkle.ts';
import { orderLifeMs } from './due.ts';
import { type JobRequest, orderOf, timesOf } from './request.ts';
import { paramsOf } from './task-order.ts';
import { type Pace, paceOf } from './window.ts';

const EMPTY = new Uint8Array(0);

export interface TargetIdentity {
  id: string;
  epoch: string;
}

export interface Drawn {
  message: Encodable<OrderMessage> & OrderMessage;
  bytes: Uint8Array;
  tree: MerkleTree;
  /** Bytes for one agent alone, by its id, as they stand in its leaf. */
  params: ReadonlyMap<string, Uint8Array>;
  pace: Pace;
  lifeMs: number;
}

/**
 * `targets` in the order of their turns; `heldMs`: how long runs wait until each is given its turn, of a job that is held.
 * Throws MusterError: bad-request, too-large.
 */
export function drawOrder(
  request: JobRequest,
  targets: readonly (TargetIdentity & { name: string })[],
  from: { fleetId: Uint8Array; jobId: Uint8Array; nowMs: number; heldMs?: number | undefined },
): Drawn {
  const params = paramsOfAll(request, targets);
  const tree = treeOf(targets, params);
  const { heldMs, ...input } = from;
  const pace: Pace = heldMs === undefined ? paceOf(request, targets.length) : { batch: 0, maxFailures: null };
  const { attempts = 1 } = request;
  const lifeMs =
    heldMs ?? orderLifeMs({ ...timesOf(request), targets: targets.length, batch: pace.batch, attempts });
  const message = orderOf(request, {
    ...{ ...input, targetsRoot: tree.root, targetsCount: tree.count },
    expiresAtMs: input.nowMs + lifeMs,
  });
  const bytes = Order.encode(message);
  if (bytes.length > LIMITS.orderBytes) throw new MusterError('too-large', `${bytes.length} bytes`);
  return { message, bytes, tree, params, pace, lifeMs };
}

export function treeOf(
  targets: readonly TargetIdentity[],
  params: ReadonlyMap<string, Uint8Array>,
): MerkleTree {
  return merkleTree(
    targets.map(({ id, epoch }) =>
      targetLeaf({ agentId: bytesOf(id), epoch: bytesOf(epoch), params: params.get(id) ?? EMPTY }),
    ),
  );
}

/** Throws MusterError('internal'): who it is was known before. */
export function bytesOf(id: string): Uint8Array {
  const bytes = fromHex(id, LIMITS.keyIdBytes);
  if (!bytes) throw new MusterError('internal', 'an id is not one');
  return bytes;
}

/** Of everybody or of nobody. Throws MusterError('bad-request'). */
function paramsOfAll(
  { tasks, transactions }: JobRequest,
  agents: readonly { id: string; name: string }[],
): ReadonlyMap<string, Uint8Array> {
  const wanted = tasks.some(
    (task) => 'packages' in task && (task.packages.action === 'apply' || task.packages.action === 'revert'),
  );
  if (!wanted && transactions !== undefined)
    throw new MusterError('bad-request', 'transactions are for tasks that apply or revert them');
  if (!wanted) return new Map();
  const given = new Map<string, Uint8Array>();
  for (const { agentIds, ...transaction } of transactions ?? []) {
    const bytes = paramsOf(transaction);
    for (const id of agentIds) {
      if (given.has(id)) throw new MusterError('bad-request', `two transactions are given for ${id}`);
      given.set(id, bytes);
    }
  }
  return new Map(
    agents.map(({ id, name }) => {
      const bytes = given.get(id);
      if (!bytes) throw new MusterError('bad-request', `no transaction is given for ${name}`);
      return [id, bytes];
    }),
  );
}
