/** Part of a run's output. `offset` counts in its stream, `position` in the output of both. */
export interface Segment {
  readonly stream: 'stdout' | 'stderr';
  readonly offset: number;
  readonly position: number;
  readonly data: Uint8Array;
}

/** A run's kept output, while it is written or afterwards. */
export interface OutputSource {
  /** How much there is. */
  readonly stored: number;
  /** At most `maxBytes` from `position` on, in order. May throw what the disk throws. */
  read(position: number, maxBytes: number): Segment[];
}

/**
 * The lengths by which stdout and stderr take turns, stdout first, as varints: beside the plain bytes of an output this
 * is all that is needed to say which byte came on which stream.
 */
export interface Turns {
  add(stream: Segment['stream'], length: number): void;
  encode(): Uint8Array;
}

export function countTurns(): Turns {
  let encoded = Buffer.alloc(64);
  let end = 0;
  let stream: Segment['stream'] = 'stdout';
  let length = 0;
  function close(): void {
    if (end + 8 > encoded.length) encoded = Buffer.concat([encoded], encoded.length * 2);
    for (; length > 0x7f; length = Math.floor(length / 128)) encoded[end++] = (length % 128) | 0x80;
    encoded[end++] = length;
  }
  return {
    add(next, bytes) {
      if (next !== stream) {
        close();
        stream = next;
        length = 0;
      }
      length += bytes;
    },
    encode() {
      const before = end;
      const open = length;
      close();
      const all = new Uint8Array(encoded.subarray(0, end));
      end = before;
      length = open;
      return all;
    },
  };
}

/** Where the plain bytes of an output lie. */
export interface PlainBytes {
  read(at: number, length: number): Uint8Array;
}

/** An output that was put away: `stored` plain bytes and their turns. Fast when it is read from front to back. */
export function putAway(stored: number, bytes: PlainBytes, turns: Uint8Array): OutputSource {
  let turn = { at: 0, length: 0, begin: 0, stdout: 0, stderr: 0, isStdout: true };

  function enter(at: number, begin: number, stdout: number, stderr: number, isStdout: boolean): void {
    let length = 0;
    let next = at;
    for (let scale = 1; next < turns.length; scale *= 128) {
      const byte = turns[next++] ?? 0;
      length += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    if (next === at) length = stored - begin;
    turn = { at: next, length, begin, stdout, stderr, isStdout };
  }

  function leave(): void {
    const { at, begin, length, isStdout } = turn;
    const stdout = turn.stdout + (isStdout ? length : 0);
    const stderr = turn.stderr + (isStdout ? 0 : length);
    enter(at, begin + length, stdout, stderr, !isStdout);
  }

  enter(0, 0, 0, 0, true);
  return {
    stored,
    read(position, maxBytes) {
      const segments: Segment[] = [];
      const end = Math.min(stored, position + maxBytes);
      if (position < turn.begin) enter(0, 0, 0, 0, true);
      let at = position;
      while (at < end) {
        while (at >= turn.begin + turn.length) leave();
        const to = Math.min(end, turn.begin + turn.length);
        const stream = turn.isStdout ? 'stdout' : 'stderr';
        const offset = turn[stream] + at - turn.begin;
        segments.push({ stream, offset, position: at, data: bytes.read(at, to - at) });
        at = to;
      }
      return segments;
    },
  };
}

/** One value for a database row: the plain bytes, then the turns. */
export function encodeOutput(source: OutputSource): Uint8Array {
  const turns = countTurns();
  const parts: Uint8Array[] = [];
  for (const { stream, data } of source.read(0, source.stored)) {
    turns.add(stream, data.length);
    parts.push(data);
  }
  return Buffer.concat([...parts, turns.encode()]);
}

export function decodeOutput(stored: number, encoded: Uint8Array): OutputSource {
  if (encoded.length < stored) throw new Error('a kept output was cut');
  const plain = { read: (at: number, length: number) => encoded.subarray(at, at + length) };
  return putAway(stored, plain, encoded.subarray(stored));
}
