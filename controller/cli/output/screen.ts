import type { Clock } from '../../../proto/clock.ts';
import type { Sink } from '../surroundings.ts';

/**
 * Results on stdout, everything else on stderr, and at its foot one line of progress that never gets in the way of
 * either.
 */
export interface Screen {
  out(data: string | Uint8Array): void;
  err(data: string | Uint8Array): void;
  /** Whole lines for the person at the keyboard. */
  note(text: string): void;
  /** Draws the line now and then until `stop`; `render` is told how many columns there are. */
  progress(render: (columns: number) => string): void;
  stop(): void;
}

/** At most ten times a second while there is news, once a second while there is none (the seconds count on). */
const REDRAW_MS = 100;
const IDLE_REDRAW_MS = 1000;
const CLEAR_LINE = '\r\x1b[K';

export function createScreen(parts: {
  stdout: Sink;
  stderr: Sink;
  clock: Pick<Clock, 'after'>;
  live: boolean;
}): Screen {
  const { stdout, stderr, clock, live } = parts;
  let drawn = false;
  /** Whether the terminal's cursor stands at the beginning of a line; a line of progress would overwrite a half one. */
  let atLineStart = true;
  let render: ((columns: number) => string) | undefined;
  let cancelRedraw = (): void => {};
  let redrawIsNear = false;

  function clear(): void {
    if (drawn) stderr.write(CLEAR_LINE);
    drawn = false;
  }

  function redrawAfter(delayMs: number): void {
    if (!render || (redrawIsNear && delayMs === REDRAW_MS)) return;
    cancelRedraw();
    redrawIsNear = delayMs === REDRAW_MS;
    cancelRedraw = clock.after(delayMs, draw);
  }

  function draw(): void {
    redrawIsNear = false;
    if (render && atLineStart) {
      // One column stays free: some terminals wrap when the last one is written.
      stderr.write(CLEAR_LINE + render(Math.max(20, stderr.columns()) - 1));
      drawn = true;
    }
    redrawAfter(IDLE_REDRAW_MS);
  }

  function write(sink: Sink, data: string | Uint8Array): void {
    if (data.length === 0) return;
    clear();
    sink.write(data);
    if (sink.isTerminal)
      atLineStart = (typeof data === 'string' ? data.charCodeAt(data.length - 1) : data.at(-1)) === 10;
    redrawAfter(REDRAW_MS);
  }

  return {
    out: (data) => write(stdout, data),
    err: (data) => write(stderr, data),
    note(text) {
      // After half a line of a host's output a note begins on a line of its own.
      write(stderr, `${!atLineStart && stderr.isTerminal ? '\n' : ''}${text}\n`);
    },
    progress(next) {
      if (!live) return;
      render = next;
      redrawAfter(REDRAW_MS);
    },
    stop() {
      render = undefined;
      cancelRedraw();
      clear();
    },
  };
}
