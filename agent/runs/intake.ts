import type { OpenedBundle } from '../../proto/bundle.ts';
import type { DeliverMessage } from '../../proto/codec.ts';
import { type ErrorCode, MusterError } from '../../proto/errors.ts';
import { equalBytes, toHex } from '../../proto/ids.ts';
import { KIB, MIB } from '../../proto/limits.ts';
import { openCancelOrder, openDelivery, type Signed } from '../bundle/open.ts';
import { policyProblem } from '../bundle/policy.ts';
import { type Replay, replayOf } from '../bundle/replay.ts';
import type { CheckedRun } from '../executor/run.ts';
import type { OrderRow } from '../spool/journal.ts';
import { concludeNow } from './conclusion.ts';
import type { Runs, RunsPorts } from './ports.ts';
import type { Verdict } from './report.ts';
import type { Accepted, ActiveRun } from './run.ts';
import { specOf } from './spec.ts';
import { attemptsOf, encodeWork } from './work.ts';

/** The runs that were taken before, and how to take one more. */
export interface Desk {
  active(jobId: string): ActiveRun | undefined;
  waiting(): number;
  /** Of the orders of all waiting runs. */
  waitingBytes(): number;
  /** Whether one more would have to wait. */
  isFull(): boolean;
  /** Accepted (and running, if it starts now) is durable. */
  take(run: ActiveRun, startsNow: boolean): void;
  cancel(run: ActiveRun): void;
}

/** A delivery whose user and directory are being looked up. */
interface Checking {
  readonly orderHash: Uint8Array;
  readonly bytes: number;
  cancelled: boolean;
}

/** So much of orders may be held in memory until they start; a small one counts with what goes with it. */
const HELD_BYTES = 16 * MIB;
const SMALL_BYTES = 16 * KIB;

/**
 * Judges what the controller sends, in TRUST's order: open (certs, signatures, membership, time), known or new, policy, what
 * the machine has, room, journal. Nothing has an effect before the last of them.
 */
export function createIntake(ports: RunsPorts, desk: Desk): Pick<Runs, 'deliver' | 'cancel'> {
  const { clock, journal, log, opener } = ports;
  const checking = new Map<string, Checking>();

  function refuse(orderHash: Uint8Array, cause: unknown, jobId?: string): void {
    const { code, detail = '' } = asRefusal(cause);
    log.warn({ job: jobId, code, cause: String(cause) }, 'order refused');
    const named = jobId === undefined ? {} : { jobId };
    ports.tell({ ...named, orderHash, attempt: 0, state: 'refused', code, detail, atMs: clock.now() });
  }

  async function deliver(message: DeliverMessage): Promise<void> {
    if (ports.stopping.aborted) return;
    let opened: OpenedBundle & Signed;
    try {
      opened = openDelivery(message, opener);
    } catch (cause) {
      return refuseUnlessKnown(message.orderHash, cause);
    }
    const order = acceptedOf(opened);
    const replay = ask(order);
    if (!replay) return;
    if (replay.is === 'same') return answer(replay.known);
    if (replay.is === 'reused') return refuse(order.orderHash, new MusterError('job-id-reused'), order.jobId);
    if (replay.is === 'forgotten')
      return refuse(order.orderHash, new MusterError('order-forgotten'), order.jobId);
    if (replay.is === 'cancelled') return reject(order, new MusterError('order-cancelled'));
    const denied = policyProblem(opened.order, opened.signers, ports.policy);
    if (denied) return reject(order, new MusterError('policy-denied', denied));
    await checkAndAccept(opened, order);
  }

  /** Undefined when the journal does not say: an order that may have run here is not answered with a guess. */
  function ask(order: Accepted): { is: Replay; known: OrderRow | undefined } | undefined {
    try {
      const known = journal.find(order.jobId);
      const is = replayOf(order, {
        orderHash: known?.orderHash ?? checking.get(order.jobId)?.orderHash,
        cancelled: journal.isCancelled(order.jobId, order.orderHash),
        forgetFloorMs: journal.forgetFloorMs(),
      });
      return { is, known };
    } catch (cause) {
      log.error({ job: order.jobId, cause: String(cause) }, 'order not answered');
      return undefined;
    }
  }

  /** What is known of an order is truer than why it does not open any more: it may have expired since it ran. */
  function refuseUnlessKnown(orderHash: Uint8Array, why: unknown): void {
    // A journal that fails says nothing of the order, and what is refused is never sent again.
    if (asRefusal(why).code === 'journal-failed')
      return log.error({ cause: String(why) }, 'order not answered');
    let known: OrderRow | undefined;
    try {
      known = journal.findByHash(orderHash);
    } catch (cause) {
      return log.error({ why: String(why), cause: String(cause) }, 'order not answered');
    }
    if (known) answer(known);
    else refuse(orderHash, why);
  }

  function answer(known: OrderRow | undefined): void {
    if (!known) return;
    const { jobId, orderHash, attempt, state } = known;
    if (state !== 'over') {
      if (desk.active(jobId)?.at.state === 'ending') return;
      return ports.tell({ jobId, orderHash, attempt, state, atMs: known.startedAtMs || clock.now() });
    }
    try {
      const report = journal.report(known.reportSeq);
      if (report) ports.outbox.resend(report);
    } catch (cause) {
      log.error({ job: jobId, cause: String(cause) }, 'order not answered');
    }
  }

  async function checkAndAccept(opened: OpenedBundle & Signed, order: Accepted): Promise<void> {
    const bytes = Math.max(opened.orderBytes.length + opened.params.length, SMALL_BYTES);
    const heldBytes = desk.waitingBytes() + [...checking.values()].reduce((sum, one) => sum + one.bytes, 0);
    if (heldBytes + bytes > HELD_BYTES) return reject(order, new MusterError('agent-busy'));
    const mark: Checking = { orderHash: order.orderHash, bytes, cancelled: false };
    checking.set(order.jobId, mark);
    try {
      const checked = await ports.executor.check(specOf(opened.order, opened.params, order.attempt));
      if (ports.stopping.aborted) return;
      if (mark.cancelled) throw new MusterError('order-cancelled');
      accept(opened, order, checked, bytes);
    } catch (cause) {
      reject(order, cause);
    } finally {
      checking.delete(order.jobId);
    }
  }

  function accept(opened: OpenedBundle & Signed, order: Accepted, checked: CheckedRun, bytes: number): void {
    if (opener.nowMs() >= order.expiresAtMs) throw new MusterError('order-expired');
    if (ports.isLeaving()) throw new MusterError('agent-stopping', 'it is being removed from its host');
    const freeBytes = ports.freeBytes();
    if (freeBytes < ports.limits.reserveBytes)
      throw new MusterError('disk-reserve', `${freeBytes} bytes are free`);
    if (desk.waiting() >= ports.limits.waiting) throw new MusterError('agent-busy');
    const startsNow = !desk.isFull();
    const start = { startedAtMs: clock.now(), startedUptimeMs: clock.uptimeMs(), bootId: ports.bootId };
    const { signerIds } = opened;
    const work = encodeWork(opened.orderBytes, checked, signerIds, opened.params);
    try {
      journal.accept({ ...order, tasks: opened.order.tasks.length, work, ...(startsNow && { start }) });
    } catch (cause) {
      return refuse(order.orderHash, cause, order.jobId);
    }
    const { kind, retry } = opened.order;
    const run = { ...order, kind, checked, bytes, signerIds, attempts: attemptsOf(retry), denied: undefined };
    const startedAtMs = startsNow ? start.startedAtMs : 0;
    desk.take({ ...run, startedAtMs, at: { state: 'waiting' } }, startsNow);
  }

  /** The order is genuine and for this agent, so its end is a report like any other; unless that cannot be written. */
  function reject(order: Accepted, cause: unknown): void {
    const { code, detail, message } = asRefusal(cause);
    const outcome = {
      state: stateOf(code),
      code,
      reason: detail ?? message,
      startedAtMs: 0,
      endedAtMs: clock.now(),
    } as const;
    try {
      ports.outbox.settle(concludeNow(ports, order, outcome));
      log.warn({ job: order.jobId, code, cause: String(cause) }, 'order rejected');
    } catch (failure) {
      log.error({ job: order.jobId, cause: String(failure) }, 'report not written');
      refuse(order.orderHash, cause, order.jobId);
    }
  }

  function cancel(signed: Uint8Array): void {
    try {
      const { cancel: what } = openCancelOrder(signed, opener).order;
      if (what) take(toHex(what.jobId), what.orderHash, what.expiresAtMs);
    } catch (cause) {
      log.warn({ code: asRefusal(cause).code, cause: String(cause) }, 'cancel refused');
    }
  }

  function take(jobId: string, orderHash: Uint8Array, expiresAtMs: number): void {
    const run = desk.active(jobId);
    if (run && equalBytes(run.orderHash, orderHash)) return desk.cancel(run);
    const known = journal.find(jobId);
    if (known) {
      if (equalBytes(known.orderHash, orderHash)) answer(known);
      else log.warn({ job: jobId }, 'cancel of another order with this job id');
      return;
    }
    const mark = checking.get(jobId);
    if (mark && equalBytes(mark.orderHash, orderHash)) mark.cancelled = true;
    journal.rememberCancel(jobId, orderHash, expiresAtMs);
  }

  return { deliver, cancel };
}

function acceptedOf(opened: OpenedBundle): Accepted {
  const { jobId, expiresAtMs } = opened.order;
  return { jobId: toHex(jobId), orderHash: opened.orderHash, expiresAtMs, attempt: 1 };
}

function stateOf(code: ErrorCode): Verdict['state'] {
  if (code === 'order-expired') return 'expired';
  return code === 'order-cancelled' ? 'cancelled' : 'rejected';
}

/** An error of our own as it is; any other is a failure of this agent, whose text stays in its log. */
function asRefusal(cause: unknown): { code: ErrorCode; detail: string | undefined; message: string } {
  if (cause instanceof MusterError) return cause;
  return { code: 'agent-failed', detail: undefined, message: '' };
}
