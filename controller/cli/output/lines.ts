import { wholeCharacters } from './utf8.ts';

export interface Line {
  /** Without its line feed. */
  bytes: Uint8Array;
  /** It goes on a line that was longer than the bound. */
  continued: boolean;
}

export interface LineSplitter {
  push(bytes: Uint8Array): Line[];
  /** What stands without a line feed at the end. */
  end(): Line[];
}

/**
 * Cuts a stream of bytes into lines. A line longer than the bound comes in pieces, cut between characters,
 * so that a program that never ends its line holds no more than that in memory.
 */
export function createLineSplitter(boundBytes: number): LineSplitter {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  let continued = false;

  function take(): Uint8Array {
    const bytes = held.length === 1 ? (held[0] ?? new Uint8Array()) : Buffer.concat(held);
    held = [];
    heldBytes = 0;
    return bytes;
  }

  function hold(bytes: Uint8Array, lines: Line[]): void {
    if (bytes.length === 0) return;
    held.push(bytes);
    heldBytes += bytes.length;
    while (heldBytes > boundBytes) {
      const all = take();
      const cut = wholeCharacters(all.subarray(0, boundBytes)) || boundBytes;
      lines.push({ bytes: all.subarray(0, cut), continued });
      continued = true;
      held = [all.subarray(cut)];
      heldBytes = all.length - cut;
    }
  }

  return {
    push(bytes) {
      const lines: Line[] = [];
      let start = 0;
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
        hold(bytes.subarray(start, end), lines);
        lines.push({ bytes: take(), continued });
        continued = false;
        start = end + 1;
      }
      // A copy (slice of a Buffer is none): the rest of a large piece shall not be kept for it.
      hold(new Uint8Array(bytes.subarray(start)), lines);
      return lines;
    },
    end() {
      const lines = heldBytes > 0 ? [{ bytes: take(), continued }] : [];
      continued = false;
      return lines;
    },
  };
}
