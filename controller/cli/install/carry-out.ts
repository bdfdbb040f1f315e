import { type CrowdEvent, installAll } from '../../installer/engine.ts';
import type { HostEntry } from '../../installer/host.ts';
import type { Did, HostResult, HostWork } from '../../installer/work.ts';
import { explain } from '../failure.ts';
import { paintFor, wantsColour } from '../output/paint.ts';
import { sanitiseLine } from '../output/sanitise.ts';
import type { Screen } from '../output/screen.ts';
import type { Surroundings } from '../surroundings.ts';
import { endedHost, type ReportFile } from './report.ts';
import type { Ended } from './sentences.ts';
import { countVerdicts, exitOf } from './verdict.ts';
import { createJsonView, createTextView } from './views.ts';

export interface Order {
  readonly entries: readonly HostEntry[];
  readonly concurrency: number;
  readonly check: boolean;
  readonly json: boolean;
  readonly dids: readonly Did[];
  /** Undefined: none is kept. */
  readonly report: ReportFile | undefined;
  one(entry: HostEntry, work: HostWork): Promise<HostResult>;
  /** Aborted, with the error, when the controller would have nothing more to do with it. */
  readonly refused: AbortSignal;
  /** Ctrl-C that a question got in place of an answer. */
  interrupted(listener: () => void): void;
}

/** Works on all hosts, shows and reports it; returns the exit status. */
export async function carryOut(surroundings: Surroundings, screen: Screen, order: Order): Promise<number> {
  const { clock, stdout, stderr, env } = surroundings;
  const { entries, check, report, dids } = order;
  const startMs = clock.monotonicMs();
  let sentBytes = 0;
  const warnings = new Map<HostEntry, readonly string[]>();
  const view = order.json
    ? createJsonView({ screen, check, dids })
    : createTextView({
        ...{ screen, check, dids, total: entries.length, live: wantsColour(stderr.isTerminal, env) },
        paint: { stdout: paintFor(stdout.isTerminal, env), stderr: paintFor(stderr.isTerminal, env) },
        nowMs: clock.monotonicMs,
      });
  const take = (event: CrowdEvent): void => {
    view.take(event);
    if (event.what !== 'ended') return;
    warnings.set(event.entry, event.warnings);
    if (event.end.state === 'done') sentBytes += event.end.result.sentBytes;
    report?.ended(endedHost(event.entry, event.end, event));
  };
  const crowd = installAll({
    ...{ entries, clock, concurrency: order.concurrency, tell: take },
    install: order.one,
  });
  order.interrupted(crowd.press);
  const off = surroundings.onStop(crowd.press);
  const halt = (): void => {
    screen.note(`muster: ${explain(order.refused.reason).message}; no further host is begun`);
    crowd.halt();
  };
  order.refused.addEventListener('abort', halt, { once: true });
  const ends = await crowd.over;
  off();
  const ended: Ended[] = entries.map((entry, index) => ({
    entry,
    end: ends[index] ?? { state: 'not-begun' },
    warnings: warnings.get(entry) ?? [],
  }));
  const counts = countVerdicts(ends);
  for (const { entry, end } of ended)
    if (!warnings.has(entry)) report?.ended(endedHost(entry, end, { durationMs: null, warnings: [] }));
  const durationMs = clock.monotonicMs() - startMs;
  const kept = await closed(report, clock.now(), screen);
  const isDone = counts.done === entries.length;
  view.finished({
    ...{ ended, sentBytes, durationMs, report: kept },
    again: isDone || kept === undefined ? undefined : `muster install --resume ${shellWord(kept)}`,
  });
  screen.stop();
  return exitOf(counts, order.refused.aborted);
}

/** Where the report is, whole; what was done is done, whatever becomes of it. */
async function closed(
  report: ReportFile | undefined,
  nowMs: number,
  screen: Screen,
): Promise<string | undefined> {
  try {
    await report?.close(nowMs);
    return report?.path;
  } catch (error) {
    screen.note(`muster: the report cannot be written: ${sanitiseLine(explain(error).message)}`);
    return undefined;
  }
}

/** As it can be pasted into a shell. */
export function shellWord(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
