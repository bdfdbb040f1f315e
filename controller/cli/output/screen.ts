import { stripVTControlCharacters } from 'node:util';
import type { Clock } from '../../../proto/clock.ts';
import type { Sink } from '../surroundings.ts';

/**
 * Results on stdout, everything else on stderr, and at its foot a line of progress, or several, that never get in the way
 * of either.
 */
export interface Screen {
  out(data: string | Uint8Array): void;
  err(data: string | Uint8Array): void;
  /** Whole lines for the person at the keyboard. */
  note(text: string): void;
  /**
   * Draws what `render` says now and then until `stop`: one line, or several with line feeds between. It is told how many columns
   * there are and how many rows.
   */
  progress(render: (columns: number, rows: number) => string): void;
  /** There is news for the progress. */
  refresh(): void;
  /** Leaves the terminal to somebody else, such as a question, until the returned function is called; what is written meanwhile waits. */
  hold(): () => void;
  stop(): void;
}

/** At most ten times a second while there is news, once a second while there is none (the seconds count on). */
const REDRAW_MS = 100;
const IDLE_REDRAW_MS = 1000;
const CLEAR_REST = '\x1b[K';
const CLEAR_LINE = `\r${CLEAR_REST}`;
const CLEAR_BELOW = '\x1b[J';

const widthOf = (line: string): number => [...stripVTControlCharacters(line)].length;

export function createScreen(parts: {
  stdout: Sink;
  stderr: Sink;
  clock: Pick<Clock, 'after'>;
  live: boolean;
}): Screen {
  const { stdout, stderr, clock, live } = parts;
  /** What stands at the foot now. */
  let drawn: readonly string[] = [];
  /** Whether the terminal's cursor stands at the beginning of a line; a line of progress would overwrite a half one. */
  let atLineStart = true;
  let render: ((columns: number, rows: number) => string) | undefined;
  let cancelRedraw = (): void => {};
  let redrawIsNear = false;
  let holders = 0;
  let waiting: (() => void)[] = [];

  /** To the beginning of what is drawn; a terminal that became narrower has wrapped it. */
  function upToDrawn(): string {
    const columns = Math.max(1, stderr.columns());
    const height = drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)), 0);
    return height > 1 ? `\r\x1b[${height - 1}A` : '\r';
  }

  function clear(): void {
    if (drawn.length > 0) stderr.write(drawn.length === 1 ? CLEAR_LINE : `${upToDrawn()}${CLEAR_BELOW}`);
    drawn = [];
  }

  function redrawAfter(delayMs: number): void {
    if (!render || (redrawIsNear && delayMs === REDRAW_MS)) return;
    cancelRedraw();
    redrawIsNear = delayMs === REDRAW_MS;
    cancelRedraw = clock.after(delayMs, draw);
  }

  function draw(): void {
    redrawIsNear = false;
    if (render && atLineStart && holders === 0) {
      // One column stays free: some terminals wrap when the last one is written.
      const lines = render(Math.max(20, stderr.columns()) - 1, Math.max(2, stderr.rows())).split('\n');
      if (lines.length <= 1 && drawn.length <= 1) stderr.write(CLEAR_LINE + lines.join(''));
      else stderr.write(upToDrawn() + lines.map((line) => line + CLEAR_REST).join('\n') + CLEAR_BELOW);
      drawn = lines;
    }
    redrawAfter(IDLE_REDRAW_MS);
  }

  function write(sink: Sink, data: string | Uint8Array): void {
    if (data.length === 0) return;
    if (holders > 0) {
      waiting.push(() => write(sink, data));
      return;
    }
    clear();
    sink.write(data);
    if (sink.isTerminal)
      atLineStart = (typeof data === 'string' ? data.charCodeAt(data.length - 1) : data.at(-1)) === 10;
    redrawAfter(REDRAW_MS);
  }

  function release(): void {
    holders -= 1;
    if (holders > 0) return;
    const kept = waiting;
    waiting = [];
    for (const again of kept) again();
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
    refresh: () => redrawAfter(REDRAW_MS),
    hold() {
      clear();
      holders += 1;
      let held = true;
      return () => {
        if (held) release();
        held = false;
      };
    },
    stop() {
      render = undefined;
      cancelRedraw();
      clear();
    },
  };
}
