/** How a stream says that it has come to an end of an answer: a line of its own with a key and a status. */
export interface Ending {
  /** All that came before that line. */
  readonly before: Buffer;
  readonly status: number;
  /** All that came behind it. */
  readonly after: Buffer;
}

/** More came than anybody asked for. */
export class TooLong extends Error {}

/** As many digits as a status has, and the newlines around. */
const STATUS_BYTES = 8;

/**
 * Looks for `\nKEY STATUS\n` in a stream, however it is cut. `add` answers with the ending once it is there, and throws TooLong where
 * more than `limitBytes` come before it; nothing beyond that is kept.
 */
export function scanFor(key: string, limitBytes: number): { add(chunk: Buffer): Ending | undefined } {
  const start = Buffer.from(`\n${key} `);
  const chunks: Buffer[] = [];
  let length = 0;
  /** The last bytes before the chunk at hand, in which a start may be hidden. */
  let tail = Buffer.alloc(0);

  return {
    add(chunk) {
      chunks.push(chunk);
      length += chunk.length;
      const window = Buffer.concat([tail, chunk]);
      tail = Buffer.from(window.subarray(-(start.length + STATUS_BYTES)));
      const at = window.indexOf(start);
      const end = at < 0 ? -1 : window.indexOf(10, at + start.length);
      if (end < 0) {
        if (length > limitBytes + start.length + STATUS_BYTES) throw new TooLong();
        return undefined;
      }
      const whole = Buffer.concat(chunks, length);
      const skipped = length - window.length;
      const before = whole.subarray(0, skipped + at);
      if (before.length > limitBytes) throw new TooLong();
      return {
        before,
        status: Number(window.subarray(at + start.length, end).toString('latin1')),
        after: whole.subarray(skipped + end + 1),
      };
    },
  };
}
