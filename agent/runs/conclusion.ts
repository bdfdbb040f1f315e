import { fullJitterMs } from '../../proto/backoff.ts';
import { type Clock, delay } from '../../proto/clock.ts';
import type { RandomBytes } from '../../proto/random.ts';
import type { Run } from '../executor/run.ts';
import type { Log } from '../log.ts';
import type { Journal, KeptIn, StoredReport } from '../spool/journal.ts';
import type { KeptFiles } from '../spool/kept-files.ts';
import { encodeOutput } from '../spool/output.ts';
import { type Outcome, type Reporter, signReport } from './report.ts';
import type { Accepted } from './run.ts';

export interface ConclusionPorts {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  readonly journal: Journal;
  readonly kept: KeptFiles;
  readonly reporter: Reporter;
  /** Room in the agent's home, in bytes, and how much of it is not for output. */
  freeBytes(): number;
  readonly limits: { readonly reserveBytes: number };
  /** Aborts when the agent stops. */
  readonly stopping: AbortSignal;
}

/** Outputs up to this size go into the journal, in the commit of their report. */
const ROW_BYTES = 64 * 1024;
const AGAIN = { baseMs: 1_000, capMs: 30_000 };

/** The report of a run, made durable at once. Throws MusterError('journal-failed'); then nothing has changed. */
export function concludeNow(ports: ConclusionPorts, accepted: Accepted, outcome: Outcome): StoredReport {
  return commit(ports, accepted, outcome, { kept: 'none', outputEnd: 0 });
}

/**
 * The report of a run that did happen: it cannot be refused, so a disk that does not take it is tried again until it does
 * or the agent stops (then the next start finds the run unfinished). Undefined in that case. With `again` the next attempt is
 * accepted with it.
 */
export async function concludeSurely(
  ports: ConclusionPorts,
  accepted: Accepted,
  outcome: Outcome,
  { run, again = false }: { run?: Run; again?: boolean } = {},
): Promise<StoredReport | undefined> {
  const output = { ...(await keep(ports, accepted, run)), again };
  for (let attempt = 0; !ports.stopping.aborted; attempt++) {
    try {
      return commit(ports, accepted, outcome, output);
    } catch (cause) {
      ports.log.error({ job: accepted.jobId, cause: String(cause) }, 'report not written; trying again');
      await delay(ports.clock, fullJitterMs(AGAIN, attempt, ports.random), ports.stopping).catch(() => {});
    }
  }
  return undefined;
}

interface Kept {
  again?: boolean;
  kept: KeptIn;
  output?: Uint8Array;
  outputEnd: number;
}

function commit(ports: ConclusionPorts, accepted: Accepted, outcome: Outcome, output: Kept): StoredReport {
  const { jobId, orderHash, expiresAtMs, attempt } = accepted;
  return ports.journal.conclude({ jobId, orderHash, expiresAtMs, attempt, ...output }, (chain) =>
    signReport(ports.reporter, { jobId, orderHash, attempt, outcome }, chain),
  );
}

/** Puts the output where it outlives this process. Where the disk has no room, it lives as long as the process does. */
async function keep(ports: ConclusionPorts, accepted: Accepted, run: Run | undefined): Promise<Kept> {
  const outputEnd = run?.output.stored ?? 0;
  if (!run || outputEnd === 0) return { kept: 'none', outputEnd };
  try {
    if (outputEnd <= ROW_BYTES) return { kept: 'row', output: encodeOutput(run.output), outputEnd };
    if (ports.freeBytes() - outputEnd < ports.limits.reserveBytes)
      throw new Error('no room for a copy of it');
    await ports.kept.keep(accepted, run.output);
    return { kept: 'file', outputEnd };
  } catch (cause) {
    ports.log.error({ job: accepted.jobId, cause: String(cause) }, 'output not kept for a restart');
    return { kept: 'none', outputEnd };
  }
}
