import { Report } from '../../proto/codec.ts';
import { type KeyPair, sha512 } from '../../proto/crypto.ts';
import type { ErrorCode } from '../../proto/errors.ts';
import { sign } from '../../proto/frame.ts';
import { fromHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import { REPORT_VERSION } from '../../proto/version.ts';
import type { RunResult } from '../executor/run.ts';
import type { Chain, SignedReport } from '../spool/journal.ts';

/** Who reports. */
export interface Reporter {
  readonly fleetId: Uint8Array;
  readonly agentId: Uint8Array;
  readonly signKey: KeyPair;
  readonly agentVersion: string;
}

/** How a run ended that the executor never had, or has no more. */
export interface Verdict {
  readonly state: 'rejected' | 'expired' | 'cancelled' | 'interrupted' | 'failed';
  readonly reason: string;
  readonly code?: ErrorCode;
  /** 0: never started. */
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

export type Outcome = RunResult | Verdict;

export interface Reported {
  readonly jobId: string;
  readonly orderHash: Uint8Array;
  readonly attempt: number;
  readonly outcome: Outcome;
}

const NO_OUTPUT = { length: 0, stored: 0, sha512: sha512(), stdoutLength: 0, stderrLength: 0 };
const NO_BYTES = new Uint8Array(0);

/** The signed, chained report of one run. Where it would be too long, the reasons of its tasks go first. */
export function signReport(reporter: Reporter, reported: Reported, chain: Chain): SignedReport {
  let report = encode(reporter, reported, chain, true);
  if (report.length > LIMITS.reportBytes) report = encode(reporter, reported, chain, false);
  return { report, signature: sign(reporter.signKey, 'report', report) };
}

/** The same report as the next of another chain. */
export function signAgain(reporter: Reporter, report: Uint8Array, chain: Chain): SignedReport {
  const { epoch, seq, hash } = chain;
  const next = Report.encode({ ...Report.decode(report), epoch, reportSeq: seq + 1, previous: hash });
  return { report: next, signature: sign(reporter.signKey, 'report', next) };
}

function encode(reporter: Reporter, reported: Reported, chain: Chain, withReasons: boolean): Uint8Array {
  const { outcome } = reported;
  const common = {
    version: REPORT_VERSION,
    fleetId: reporter.fleetId,
    agentId: reporter.agentId,
    agentVersion: reporter.agentVersion,
    epoch: chain.epoch,
    reportSeq: chain.seq + 1,
    previous: chain.hash,
    jobId: fromHex(reported.jobId, LIMITS.jobIdBytes) ?? NO_BYTES,
    orderHash: reported.orderHash,
    attempt: reported.attempt,
    state: outcome.state,
    reason: cut(outcome.reason ?? ''),
    startedAtMs: Math.round(outcome.startedAtMs),
    endedAtMs: Math.round(outcome.endedAtMs),
  };
  if (!('tasks' in outcome)) return Report.encode({ ...common, code: outcome.code ?? '', output: NO_OUTPUT });
  return Report.encode({
    ...common,
    durationUs: microseconds(outcome.durationMs),
    output: outcome.output,
    tasks: outcome.tasks.map((task) => ({
      index: task.index,
      state: task.state,
      exited: task.exitCode !== undefined,
      exitCode: task.exitCode ?? 0,
      signal: task.signal ?? '',
      durationUs: microseconds(task.durationMs),
      outputFrom: task.outputFrom,
      outputTo: task.outputTo,
      reason: withReasons ? cut(task.reason ?? '') : '',
      change: task.change ?? '',
      code: task.code ?? '',
    })),
  });
}

function microseconds(ms: number): number {
  return Math.max(0, Math.round(ms * 1000));
}

/** `reasonBytes` also holds for its UTF-8: at most three bytes a character, four for two. */
function cut(reason: string): string {
  return reason.slice(0, LIMITS.reasonBytes / 3).toWellFormed();
}
