import type { Clock } from '../../proto/clock.ts';
import {
  atHand,
  begin,
  type Crowd,
  crowdOf,
  due,
  end,
  halted,
  isOver,
  type Phase,
  pressed,
} from './crowd.ts';
import { type Cause, HostFailure } from './failure.ts';
import type { HostEntry } from './host.ts';
import type { HostEvent, HostResult, HostWork, Step } from './work.ts';

/** What became of one host. `not-begun`: the install ended before its turn. */
export type HostEnd =
  | { readonly state: 'done'; readonly result: HostResult }
  | {
      readonly state: 'failed';
      readonly because: Cause;
      readonly detail: string;
      /** In which step. */
      readonly step: Step;
    }
  | { readonly state: 'not-begun' };

export type CrowdEvent =
  | { readonly what: 'begun'; readonly entry: HostEntry }
  | { readonly what: 'host'; readonly entry: HostEntry; readonly event: HostEvent }
  | {
      readonly what: 'ended';
      readonly entry: HostEntry;
      readonly end: HostEnd;
      readonly durationMs: number;
      readonly warnings: readonly string[];
    }
  | { readonly what: 'phase'; readonly phase: Phase; readonly atHand: number };

export interface CrowdParts {
  readonly entries: readonly HostEntry[];
  readonly concurrency: number;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  install(entry: HostEntry, work: HostWork): Promise<HostResult>;
  tell(event: CrowdEvent): void;
}

export interface RunningCrowd {
  /** What became of each entry, in their order. Never rejects. */
  readonly over: Promise<readonly HostEnd[]>;
  /** Ctrl-C: see crowd.ts. */
  press(): void;
  halt(): void;
}

/** Installs on many hosts, so many at once, in the order of the list; each one's failure is its own. */
export function installAll(parts: CrowdParts): RunningCrowd {
  const { entries, clock, tell } = parts;
  const ends: HostEnd[] = Array.from({ length: entries.length }, () => NOT_BEGUN);
  const machines = new Map<string, string>();
  /** The step of each host at hand. */
  const steps = new Map<number, Step>();
  const undo = new AbortController();
  let crowd = crowdOf(entries.length, Math.max(1, parts.concurrency));
  let finish = (_: readonly HostEnd[]): void => {};
  const over = new Promise<readonly HostEnd[]>((resolve) => {
    finish = resolve;
  });

  async function one(index: number, entry: HostEntry): Promise<void> {
    const startMs = clock.monotonicMs();
    const warnings: string[] = [];
    steps.set(index, 'connect');
    const work: HostWork = {
      stop: undo.signal,
      tell(event) {
        // What it undoes is not what failed.
        if (event.what === 'step' && event.step !== 'undo') steps.set(index, event.step);
        if (event.what === 'warning') warnings.push(event.text);
        tell({ what: 'host', entry, event });
      },
      claim(machine) {
        const other = machines.get(machine);
        if (other === undefined) machines.set(machine, entry.written);
        return other;
      },
    };
    tell({ what: 'begun', entry });
    const outcome = await settled(() => parts.install(entry, work));
    const step = steps.get(index);
    // Whoever left was told what was at hand then; a word that comes later would contradict it.
    if (crowd.phase === 'left' || step === undefined) return;
    steps.delete(index);
    const ended: HostEnd =
      outcome instanceof HostFailure ? failed(outcome, step) : { state: 'done', result: outcome };
    ends[index] = ended;
    tell({ what: 'ended', entry, end: ended, durationMs: clock.monotonicMs() - startMs, warnings });
    turn(end(crowd));
  }

  function turn(next: Crowd): void {
    const { phase } = crowd;
    crowd = next;
    if (crowd.phase !== phase) {
      tell({ what: 'phase', phase: crowd.phase, atHand: atHand(crowd) });
      if (crowd.phase === 'undoing' || crowd.phase === 'left') undo.abort();
    }
    if (crowd.phase === 'left')
      for (const [index, step] of steps) ends[index] = failed(new HostFailure('stopped', LEFT), step);
    const from = crowd.begun;
    crowd = begin(crowd, due(crowd));
    for (let index = from; index < crowd.begun; index += 1) {
      const entry = entries[index];
      if (entry) void one(index, entry);
    }
    if (isOver(crowd)) finish(ends);
  }

  turn(crowd);
  return {
    over,
    press: () => turn(pressed(crowd)),
    halt: () => turn(halted(crowd)),
  };
}

const NOT_BEGUN: HostEnd = { state: 'not-begun' };
const LEFT = 'left in the middle; what was done there is not undone';

const failed = ({ because, detail }: HostFailure, step: Step): HostEnd => ({
  state: 'failed',
  because,
  detail,
  step,
});

/** What it did, or why it did not; anything but a HostFailure is a defect of ours, and no reason to leave other hosts alone. */
async function settled(work: () => Promise<HostResult>): Promise<HostResult | HostFailure> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof HostFailure) return error;
    return new HostFailure('defect', error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}
