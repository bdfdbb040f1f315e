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

export interface AnswerStream {
  /** The next ending with this key. `onData` is called with each piece. Throws TooLong, or what `gone` was aborted with. */
  next(key: string, onData?: () => void): Promise<Ending>;
}

export interface ByteSource {
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
}

/** At most this comes before an ending. */
export const ANSWER_BYTES = 1024 * 1024;

/** Reads one answer after the other. What comes when nobody waits is kept, and begins the next one. */
export function answersIn(source: ByteSource, gone: AbortSignal): AnswerStream {
  let early = Buffer.alloc(0);
  let reader: ((chunk: Buffer) => void) | undefined;
  source.on('data', (chunk) => {
    // Of what is too long for an answer the rest is of no use to anybody.
    if (reader) reader(chunk);
    else if (early.length <= ANSWER_BYTES) early = Buffer.concat([early, chunk]);
  });

  return {
    next: (key, onData = () => {}) =>
      new Promise((resolve, reject) => {
        if (gone.aborted) return reject(gone.reason);
        const scan = scanFor(key, ANSWER_BYTES);
        function settle(): void {
          reader = undefined;
          gone.removeEventListener('abort', onGone);
        }
        function onGone(): void {
          settle();
          reject(gone.reason);
        }
        reader = (chunk) => {
          onData();
          try {
            const ending = scan.add(chunk);
            if (!ending) return;
            settle();
            early = Buffer.from(ending.after);
            resolve(ending);
          } catch (error) {
            settle();
            reject(error);
          }
        };
        gone.addEventListener('abort', onGone, { once: true });
        const first = early;
        early = Buffer.alloc(0);
        if (first.length > 0) reader(first);
      }),
  };
}
