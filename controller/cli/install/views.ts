import type { CrowdEvent } from '../../installer/engine.ts';
import { CAUSES } from '../../installer/failure.ts';
import type { Did } from '../../installer/work.ts';
import type { Paint } from '../output/paint.ts';
import { jsonLine } from '../output/sanitise.ts';
import type { Screen } from '../output/screen.ts';
import { hosts } from '../output/summary.ts';
import { createDisplay, type Display } from './display.ts';
import { endedHost } from './report.ts';
import { type Ended, hostLine, summary } from './sentences.ts';
import { verdictOf } from './verdict.ts';

/** What is shown of an install, or of its contrary. */
export interface InstallView {
  take(event: CrowdEvent): void;
  finished(end: Finished): void;
}

export interface Finished {
  readonly ended: readonly Ended[];
  readonly durationMs: number;
  readonly sentBytes: number;
  /** The file to go on with; undefined: there is none. */
  readonly report: string | undefined;
  /** How to go on; undefined: all is done. */
  readonly again: string | undefined;
}

export interface ViewParts {
  readonly screen: Screen;
  readonly total: number;
  readonly check: boolean;
  /** What may be done to a host, for the counts. */
  readonly dids: readonly Did[];
  /** Standard error shows a display that is redrawn. */
  readonly live: boolean;
  readonly paint: { readonly stdout: Paint; readonly stderr: Paint };
  nowMs(): number;
}

/** For people: what is at hand, failures as they come, at the end a table by cause. */
export function createTextView(parts: ViewParts): InstallView {
  const { screen, check, live, paint } = parts;
  const display: Display = createDisplay(parts.total, parts.nowMs, paint.stderr);
  screen.progress((columns, rows) => display.render(columns, rows));
  return {
    take(event) {
      display.take(event);
      screen.refresh();
      if (event.what === 'phase') {
        const said = PHASES[event.phase](event.atHand);
        if (said !== '') screen.note(`muster: ${said}`);
      }
      if (event.what !== 'ended') return;
      // On a terminal the display counts those that are well, and under --check each is what was asked for.
      if (!live || check || event.end.state !== 'done') screen.note(hostLine(event, check, paint.stderr));
    },
    finished({ ended, durationMs, sentBytes, again }) {
      screen.stop();
      screen.out(summary(ended, { check, durationMs, sentBytes, again }, paint.stdout));
    },
  };
}

const PHASES = {
  going: () => '',
  finishing: (count: number) =>
    count === 0 ? 'stopped' : `finishing ${hosts(count)} and beginning no other; Ctrl-C again undoes them`,
  undoing: (count: number) => `undoing ${hosts(count)}; Ctrl-C again leaves them as they are`,
  left: (count: number) => `${hosts(count)} left in the middle; the same command again picks them up`,
} as const;

/** One object a line on standard output; docs/cli.md has the contract. */
export function createJsonView({
  screen,
  check,
  dids,
}: Pick<ViewParts, 'screen' | 'check' | 'dids'>): InstallView {
  const line = (value: unknown): void => screen.out(`${jsonLine(value)}\n`);
  return {
    take(event) {
      switch (event.what) {
        case 'begun':
          return;
        case 'host':
          if (event.event.what === 'step')
            line({ event: 'step', host: event.entry.written, step: event.event.step });
          return;
        case 'phase':
          if (event.phase !== 'going') line({ event: 'stopping', how: event.phase, atHand: event.atHand });
          return;
        case 'ended': {
          const { entry, ...told } = endedHost(event.entry, event.end, event);
          line({ event: 'host', ...told, ...ofDone(event) });
        }
      }
    },
    finished({ ended, durationMs, sentBytes, report = null }) {
      for (const { entry, end } of ended)
        if (end.state === 'not-begun') {
          const { entry: _, ...told } = endedHost(entry, end, { durationMs: null, warnings: [] });
          line({ event: 'host', ...told, ...ofDone({ end }) });
        }
      const words = [...dids, 'failed', 'no-answer', 'left'];
      const counts: Record<string, number> = Object.fromEntries(words.map((word) => [word, 0]));
      const causes: Record<string, number> = {};
      for (const { end } of ended) {
        const word = end.state === 'done' ? end.result.did : verdictOf(end);
        counts[word] = (counts[word] ?? 0) + 1;
        if (end.state === 'failed') causes[end.because] = (causes[end.because] ?? 0) + 1;
      }
      line({ event: 'summary', check, hosts: ended.length, counts, causes, durationMs, sentBytes, report });
    },
  };
}

/** What a report leaves out: it is of no use to go on. */
function ofDone({ end }: Pick<Ended, 'end'>) {
  const { previous = null, form = null, labels = {}, plan = [] } = end.state === 'done' ? end.result : {};
  return { previous, form, labels, plan, retryable: end.state === 'failed' && CAUSES[end.because].retryable };
}
