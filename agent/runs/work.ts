import { Order, type OrderMessage } from '../../proto/codec.ts';
import { fromHex, toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import { checkOrder } from '../../proto/validate-order.ts';
import type { CheckedRun } from '../executor/run.ts';
import type { OrderRow, Work } from '../spool/journal.ts';
import type { ActiveRun } from './run.ts';
import { specOf } from './spec.ts';

/** What the journal keeps of an order beside its bytes, so that an agent after this one can carry on with it. */
interface Context {
  readonly account: CheckedRun['account'];
  readonly otherUser: boolean;
  readonly cwd: string;
  readonly signers: readonly string[];
  /** base64. */
  readonly params: string;
}

export function encodeWork(
  orderBytes: Uint8Array,
  { account, otherUser, cwd }: CheckedRun,
  signerIds: readonly Uint8Array[],
  params: Uint8Array,
): Work {
  const signers = signerIds.map(toHex);
  const context: Context = {
    account,
    otherUser,
    cwd,
    signers,
    params: Buffer.from(params).toString('base64'),
  };
  return { order: orderBytes, context: JSON.stringify(context) };
}

/**
 * The run of a journal's row, not started by this agent; `deny` says why its order is not allowed any more. Throws on what
 * `encodeWork` did not make.
 */
export function readWork(
  row: OrderRow,
  work: Work,
  deny: (order: OrderMessage, signerIds: readonly Uint8Array[]) => string | undefined,
): ActiveRun {
  const order = Order.decode(work.order);
  checkOrder(order);
  const { account, otherUser, cwd, signers, params } = JSON.parse(work.context) as Context;
  const { jobId, orderHash, expiresAtMs, attempt } = row;
  const signerIds = signers.map((id) => fromHex(id, LIMITS.keyIdBytes) ?? new Uint8Array(0));
  return {
    ...{ jobId, orderHash, expiresAtMs, attempt },
    kind: order.kind,
    checked: { spec: specOf(order, Buffer.from(params, 'base64'), attempt), account, otherUser, cwd },
    bytes: work.order.length,
    attempts: attemptsOf(order.retry),
    signerIds,
    denied: deny(order, signerIds),
    startedAtMs: row.startedAtMs,
    at: { state: 'waiting' },
  };
}

/** How often an order may be started. */
export function attemptsOf(retry: { policy: string; attempts: number } | null): number {
  return retry?.policy === 'safe' ? retry.attempts : 1;
}
