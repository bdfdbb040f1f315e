/** What agents say of their runs: status, output, reports. Each is stored, then answered. */
import { type OutputMessage, Report, type ReportMessage, type StatusMessage } from '../../proto/codec.ts';
import { isErrorCode, MusterError, sentence } from '../../proto/errors.ts';
import { shortHash } from '../../proto/frame.ts';
import { equalBytes, toHex } from '../../proto/ids.ts';
import { checkOutput, checkReport, checkStatus } from '../../proto/validate.ts';
import { REPORT_VERSION } from '../../proto/version.ts';
import type { Statement, Transaction } from '../db/database.ts';
import { ReportKnown } from '../inventory/reports.ts';
import type { Changes } from './changes.ts';
import type { JobsPorts } from './ports.ts';
import { insertReports } from './report-store.ts';
import { resultsOf } from './results.ts';
import { isOpen, NO_OUTCOME, type Outcome, type RunState } from './run.ts';
import { insertEvents, openRunByOrder, outputPlace, setOutputPosition } from './store.ts';
import type { Change } from './transition.ts';

export interface SignedReport {
  report: Uint8Array;
  signature: Uint8Array;
}

/** The agent behind a session, as its proof said. */
export interface Speaker {
  agentId: string;
  epoch: string;
}

export interface Words {
  /** All throw MusterError where the agent breaks the protocol; its session must then end. */
  status(from: Speaker, message: StatusMessage): Promise<void>;
  output(from: Speaker, message: OutputMessage): Promise<void>;
  report(from: Speaker, signed: SignedReport): Promise<void>;
}

export function createWords(ports: JobsPorts, changes: Changes, onReport: () => void): Words {
  const { db, links, inventory, log, bus, clock } = ports;

  async function refused(from: Speaker, message: StatusMessage): Promise<void> {
    const [run] = await db.read(openRunByOrder({ agentId: from.agentId, orderHash: message.orderHash }));
    if (!run)
      return log.warn({ agent: from.agentId, code: message.code }, 'refusal of an order that is not open');
    const reason = isErrorCode(message.code)
      ? sentence(message.code, message.detail || undefined)
      : `refused: ${message.code}`;
    const outcome = { ...NO_OUTCOME, reason, code: message.code };
    await changes.commit(
      (change) => [
        change({ jobId: run.job_id, agentId: from.agentId, to: refusedState(message.code), outcome }),
      ],
      from.agentId,
    );
  }

  return {
    async status(from, message) {
      checkStatus(message);
      if (message.state === 'refused') return refused(from, message);
      const { attempt, orderHash, task } = message;
      const about = { jobId: toHex(message.jobId), agentId: from.agentId, attempt, orderHash };
      await changes.commit(
        (change) => [
          change(
            message.state === 'running' ? { ...about, to: 'running', task } : { ...about, to: 'accepted' },
          ),
        ],
        from.agentId,
      );
    },

    async output(from, message) {
      checkOutput(message);
      const jobId = toHex(message.jobId);
      let position: number | undefined;
      const { attempt } = message;
      const take = (change: (change: Change) => Statement, tx: Transaction): Statement[] => {
        const [run] = tx.read(outputPlace({ jobId, agentId: from.agentId }));
        // Of a job that this store does not have (it was restored from a backup), or of an attempt after which another one
        // began: what nobody takes must not block the rest.
        const end = message.position + message.data.length;
        if (!run || !takesOutput(run.state) || attempt < run.attempt) {
          position = end;
          return [];
        }
        const heldBytes = attempt === run.attempt ? run.output_position : 0;
        if (attempt > run.attempts)
          throw new MusterError(
            'malformed',
            `output of attempt ${attempt}, its order allows ${run.attempts}`,
          );
        if (end > run.output_cap_bytes)
          throw new MusterError('malformed', 'output past the cap of its order');
        if (message.position > heldBytes)
          throw new MusterError('malformed', `output at ${message.position}, expected ${heldBytes}`);
        // What is stored already comes again after a reconnect.
        const known = heldBytes - message.position;
        position = Math.max(heldBytes, end);
        if (known >= message.data.length) return [];
        // What writes runs, also where the word of it was lost on the way.
        const unheard = isOpen(run.state) && (run.state !== 'running' || attempt > run.attempt);
        return [
          ...(unheard ? [change({ jobId, agentId: from.agentId, to: 'running', attempt })] : []),
          // The rest of output that was pruned: taken, and not kept either.
          ...(run.output_pruned_at_ms === null
            ? outputEvent(jobId, from.agentId, message, known, clock.now())
            : []),
          setOutputPosition({ jobId, agentId: from.agentId, attempt, position, atMs: clock.now() }),
        ];
      };
      await changes.commit((change) => [{ late: (tx) => take(change, tx) }], from.agentId);
      if (position === undefined) return;
      bus.emit({ type: 'job-changed', jobId });
      links.send(from.agentId, 'outputAck', { jobId: message.jobId, attempt: message.attempt, position });
    },

    async report(from, signed) {
      const message = Report.decode(signed.report);
      if (message.version !== REPORT_VERSION)
        throw new MusterError('version-unsupported', `a report of version ${message.version}`);
      checkReport(message);
      if (
        toHex(message.agentId) !== from.agentId ||
        toHex(message.epoch) !== from.epoch ||
        !equalBytes(message.fleetId, ports.fleetId)
      )
        throw new MusterError('malformed', 'a report of somebody else');
      const chain = shortHash('report', signed.report);
      const applied = await changes
        .commit(
          (change) => [
            inventory.reportStored(from.agentId, from.epoch, message.reportSeq, chain, message.previous),
            storeReport(from, message, signed),
            change(reported(message)),
          ],
          from.agentId,
        )
        .catch((error: unknown) => {
          if (!(error instanceof ReportKnown)) throw error;
          return [];
        });
      links.send(from.agentId, 'receipt', { epoch: message.epoch, reportSeq: message.reportSeq, chain });
      onReport();
      // Whoever hears of it cuts the session: so the receipt is on its way before.
      for (const { jobId, agentId, agentLeaves } of applied)
        if (agentLeaves) bus.emit({ type: 'agent-left', jobId, agentId });
    },
  };
}

/** A run that is over has said what it wrote; only one that was given up may still tell. */
function takesOutput(state: RunState): boolean {
  return isOpen(state) || state === 'lost' || state === 'interrupted';
}

/** A report of another order than the job's stays in the chain and moves nothing. */
function reported(message: ReportMessage): Change {
  return {
    jobId: toHex(message.jobId),
    agentId: toHex(message.agentId),
    to: message.state as RunState,
    attempt: message.attempt,
    orderHash: message.orderHash,
    outcome: outcomeOf(message),
    reportSeq: message.reportSeq,
    results: resultsOf(message),
    startedAtMs: message.startedAtMs === 0 ? null : message.startedAtMs,
  };
}

function refusedState(code: string): RunState {
  if (code === 'order-expired') return 'expired';
  if (code === 'order-forgotten') return 'interrupted';
  return code === 'order-cancelled' ? 'cancelled' : 'rejected';
}

function outputEvent(
  jobId: string,
  agentId: string,
  message: OutputMessage,
  known: number,
  atMs: number,
): Statement[] {
  return insertEvents([
    {
      job_id: jobId,
      agent_id: agentId,
      kind: 'output',
      at_ms: atMs,
      attempt: message.attempt,
      stream: message.stream as 'stdout' | 'stderr',
      offset: message.offset + known,
      position: message.position + known,
      data: message.data.subarray(known),
    },
  ]);
}

function storeReport(from: Speaker, message: ReportMessage, signed: SignedReport): Statement {
  const [statement] = insertReports([
    {
      agent_id: from.agentId,
      epoch: from.epoch,
      report_seq: message.reportSeq,
      job_id: toHex(message.jobId),
      report: signed.report,
      signature: signed.signature,
      verified: 0,
    },
  ]);
  return statement as Statement;
}

function outcomeOf(message: ReportMessage): Outcome {
  // The task that decided: the last one that was not skipped.
  const task = message.tasks.findLast((one) => one.state !== 'skipped');
  const output = message.output;
  return {
    exitCode: task?.exited ? task.exitCode : null,
    signal: task?.signal || null,
    durationMs: message.durationUs / 1000,
    outputBytes: output?.length ?? 0,
    storedBytes: output?.stored ?? 0,
    truncated: output?.truncated ?? false,
    reason: message.reason || null,
    code: message.code || null,
    awaySinceMs: null,
    gaps: (output?.gaps ?? []).map(({ stream, offset }) => ({
      stream: stream === 'stderr' ? 'stderr' : 'stdout',
      offset,
    })),
  };
}
