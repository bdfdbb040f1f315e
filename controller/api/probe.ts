import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What the process says of itself. */
export interface ProcessFigures {
  residentBytes: number;
  /** How late timers came since the last reading. */
  loopDelay: { p50Ms: number; p99Ms: number; maxMs: number };
}

export interface Probe {
  read(): ProcessFigures;
  stop(): void;
}

/** The adapter of the real process. A reading begins a new period for the delay of the event loop. */
export function startProbe(): Probe {
  const resolutionMs = 20;
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  // The histogram holds whole intervals between ticks, in nanoseconds; an empty one says NaN or a nonsense extreme.
  const late = (ns: number): number => (delay.count === 0 ? 0 : Math.max(0, ns / 1e6 - resolutionMs));
  return {
    read() {
      const loopDelay = {
        p50Ms: late(delay.percentile(50)),
        p99Ms: late(delay.percentile(99)),
        maxMs: late(delay.max),
      };
      delay.reset();
      return { residentBytes: process.memoryUsage.rss(), loopDelay };
    },
    stop: () => delay.disable(),
  };
}
