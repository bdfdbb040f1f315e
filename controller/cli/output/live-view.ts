import { createLineSplitter, type Line, type LineSplitter } from './lines.ts';
import type { Paint, Style } from './paint.ts';
import { createTerminalText, sanitise, sanitiseLine } from './sanitise.ts';
import type { Screen } from './screen.ts';
import type { LiveView, Piece, Stream } from './view.ts';

/** Whether each stream ends at a terminal: only there bytes are made harmless, a file or pipe gets what the host wrote. */
export interface LiveParts {
  screen: Screen;
  isTerminal: Readonly<Record<Stream, boolean>>;
  paint: Readonly<Record<Stream, Paint>>;
}

/** A line longer than this comes in pieces. With 10,000 hosts that never end a line it bounds what is held to 320 MB. */
export const LINE_BOUND_BYTES = 16 * 1024;

function put(screen: Screen, stream: Stream, data: string | Uint8Array): void {
  if (stream === 'stdout') screen.out(data);
  else screen.err(data);
}

function gapNote(piece: Piece): string {
  return `muster: ${sanitiseLine(piece.name)}: ${piece.missingBytes} bytes of ${piece.stream} are missing here`;
}

/** One host: its output as it is. */
export function createPassthroughView({ screen, isTerminal }: LiveParts): LiveView {
  const texts = { stdout: createTerminalText(), stderr: createTerminalText() };
  return {
    output(piece) {
      if (piece.missingBytes > 0) screen.note(gapNote(piece));
      const { stream, bytes } = piece;
      put(screen, stream, isTerminal[stream] ? texts[stream].push(bytes) : bytes);
    },
    ended: flush,
    flush,
  };

  function flush(): void {
    for (const stream of ['stdout', 'stderr'] as const)
      if (isTerminal[stream]) put(screen, stream, texts[stream].end());
  }
}

const NAME_STYLES: readonly Style[] = ['cyan', 'yellow', 'green', 'magenta', 'blue'];

function styleOf(name: string): Style {
  let sum = 0;
  for (let i = 0; i < name.length; i += 1) sum = (sum * 31 + name.charCodeAt(i)) >>> 0;
  return NAME_STYLES[sum % NAME_STYLES.length] ?? 'cyan';
}

/**
 * Several hosts: each line whole, behind its host's name: `web-1 | text`. A line longer than the bound goes on as
 * `web-1 + text`. `width` is that of the longest name.
 */
export function createPrefixView(parts: LiveParts & { width: number }): LiveView {
  const { screen, isTerminal, paint, width } = parts;
  const splitters = new Map<
    string,
    { name: string; attempt: number; streams: Record<Stream, LineSplitter> }
  >();

  function render(name: string, stream: Stream, lines: readonly Line[]): string | Uint8Array {
    const shown = sanitiseLine(name);
    const label = shown + ' '.repeat(Math.max(0, width - shown.length));
    if (isTerminal[stream])
      return lines
        .map(({ bytes, continued }) => {
          const text = sanitise(
            new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).replace(/\r$/, ''),
          );
          return `${paint[stream](styleOf(name), label)} ${continued ? '+' : '|'} ${text}\n`;
        })
        .join('');
    return Buffer.concat(
      lines.flatMap(({ bytes, continued }) => [
        Buffer.from(`${label} ${continued ? '+' : '|'} `),
        bytes,
        LINE_FEED,
      ]),
    );
  }

  function show(name: string, stream: Stream, lines: readonly Line[]): void {
    if (lines.length > 0) put(screen, stream, render(name, stream, lines));
  }

  return {
    output(piece) {
      const { agentId, name, attempt, stream, bytes } = piece;
      // What an earlier attempt left without a line's end is not the beginning of this one's.
      if (splitters.get(agentId)?.attempt !== attempt) flush(agentId);
      const known = splitters.get(agentId) ?? {
        name,
        attempt,
        streams: {
          stdout: createLineSplitter(LINE_BOUND_BYTES),
          stderr: createLineSplitter(LINE_BOUND_BYTES),
        },
      };
      splitters.set(agentId, known);
      if (piece.missingBytes > 0) {
        // What stands before a gap and what follows it are not one line.
        show(name, stream, known.streams[stream].end());
        screen.note(gapNote(piece));
      }
      show(name, stream, known.streams[stream].push(bytes));
    },
    ended: ({ agentId }) => flush(agentId),
    flush() {
      for (const agentId of [...splitters.keys()]) flush(agentId);
    },
  };

  function flush(agentId: string): void {
    const known = splitters.get(agentId);
    splitters.delete(agentId);
    if (!known) return;
    show(known.name, 'stdout', known.streams.stdout.end());
    show(known.name, 'stderr', known.streams.stderr.end());
  }
}

const LINE_FEED = new Uint8Array([10]);
