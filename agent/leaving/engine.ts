import { Report } from '../../proto/codec.ts';
import type { Log } from '../log.ts';
import type { Journal } from '../spool/journal.ts';

/**
 * How an agent removes itself:
 *
 *   (order) ──decide──> decided ──(the controller has its report, or knows this agent no more)──> released: the removal goes on
 *                          └──(it was reported otherwise: cancelled, interrupted)──> withdrawn
 *
 * Both are in a file, so that an agent after this one goes on from there. The report is the last word that is heard of an agent:
 * so it comes first, and nothing is removed before somebody has it.
 */
export interface Leaving {
  /** Nothing new is begun any more. */
  isDecided(): boolean;
  /** Throws an Error that says why it cannot be, or MusterError('journal-failed'). Doing it again for the same job does no harm. */
  decide(order: { readonly jobId: string; readonly keepPolicy: boolean }): void;
  /** The controller has every report up to `seq`. */
  receipted(seq: number): void;
  /** A controller that has proved itself does not know this agent, or has removed it. */
  forgotten(): void;
}

interface Mark {
  readonly jobId: string;
  readonly keepPolicy: boolean;
  readonly released: boolean;
}

export interface LeavingPorts {
  readonly log: Log;
  readonly journal: Pick<Journal, 'find' | 'report' | 'unfinished'>;
  readonly mark: { read(): Mark | undefined; write(mark: Mark): void; remove(): void };
  /** Why this agent cannot remove itself, or undefined. */
  problem(): string | undefined;
  /** Starts the removal, once; never throws. */
  remove(options: { readonly keepPolicy: boolean }): void;
}

export function createLeaving({ log, journal, mark, problem, remove }: LeavingPorts): Leaving {
  let current = mark.read();
  let begun = false;

  function release(decided: Mark): void {
    if (begun) return;
    begun = true;
    const { keepPolicy, jobId } = decided;
    try {
      mark.write({ ...decided, released: true });
    } catch (cause) {
      // The removal frees the disk, and leaves a mark of its own.
      log.error({ cause: String(cause) }, 'its removal is not marked');
    }
    log.warn({ job: jobId }, 'this agent is being removed from its host');
    remove({ keepPolicy });
  }

  function withdraw({ jobId }: Mark): void {
    log.warn({ job: jobId }, 'this agent is not removed: its order did not succeed');
    mark.remove();
    current = undefined;
  }

  /** Where the report of its order is in the chain; `none`: there is none that says that it succeeded. */
  function reportOf({ jobId }: Mark): number | 'none' | 'open' | 'unknown' {
    const run = journal.find(jobId);
    if (!run) return 'unknown';
    if (run.state !== 'over') return 'open';
    const report = journal.report(run.reportSeq);
    return report && Report.decode(report.report).state === 'succeeded' ? report.seq : 'none';
  }

  return {
    isDecided: () => current !== undefined,
    decide(order) {
      const { jobId } = order;
      if (current?.jobId === jobId) return;
      if (current) throw new Error(`job ${current.jobId} removes it already`);
      const why = problem();
      if (why !== undefined) throw new Error(why);
      const others = journal.unfinished().filter((run) => run.jobId !== jobId);
      if (others.length > 0) throw new Error(othersRun(others.map((run) => run.jobId)));
      const decided = { ...order, released: false };
      mark.write(decided);
      current = decided;
    },
    receipted(seq) {
      if (!current) return;
      const report = reportOf(current);
      if (report === 'open') return;
      // A journal that does not know the order is a new one: what became of it, nobody was told.
      if (report === 'none' || report === 'unknown') withdraw(current);
      else if (report <= seq) release(current);
    },
    forgotten() {
      if (!current) return;
      const report = reportOf(current);
      if (report === 'none') withdraw(current);
      else if (report !== 'open') release(current);
    },
  };
}

const SHOWN = 3;

function othersRun(jobIds: readonly string[]): string {
  const shown = jobIds.slice(0, SHOWN).map((id) => id.slice(0, 12));
  const more = jobIds.length > SHOWN ? ` and ${jobIds.length - SHOWN} more` : '';
  const what = jobIds.length === 1 ? 'another job is at work here' : 'other jobs are at work here';
  return `${what}: ${shown.join(', ')}${more}; wait for it, or cancel it with "muster jobs cancel", then uninstall again`;
}
