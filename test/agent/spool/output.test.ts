import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  countTurns,
  decodeOutput,
  encodeOutput,
  type OutputSource,
  type Segment,
} from '../../../agent/spool/output.ts';
import { seededRandom } from '../../support/seeded-random.ts';

type Write = [Segment['stream'], Uint8Array];

/** An output that is simply a list of writes. */
function written(writes: readonly Write[]): OutputSource & { all: Buffer } {
  const all = Buffer.concat(writes.map(([, data]) => data));
  return {
    all,
    stored: all.length,
    read(position, maxBytes) {
      const segments: Segment[] = [];
      const offsets = { stdout: 0, stderr: 0 };
      let at = 0;
      for (const [stream, data] of writes) {
        const from = Math.max(at, position);
        const to = Math.min(at + data.length, position + maxBytes);
        if (from < to)
          segments.push({
            stream,
            offset: offsets[stream] + from - at,
            position: from,
            data: data.subarray(from - at, to - at),
          });
        at += data.length;
        offsets[stream] += data.length;
      }
      return segments;
    },
  };
}

/** Per stream the bytes by their offsets, so that how they were cut does not matter. */
function byStream(segments: readonly Segment[]): Record<string, string> {
  const streams: Record<string, string> = { stdout: '', stderr: '' };
  for (const { stream, offset, data } of segments) {
    assert.equal(offset, (streams[stream] ?? '').length);
    streams[stream] += Buffer.from(data).toString('latin1');
  }
  return streams;
}

function randomWrites(seed: string): Write[] {
  const random = seededRandom(seed);
  return Array.from({ length: 200 }, () => {
    const [which = 0, size = 0, large = 0] = random(3);
    return [which < 100 ? 'stderr' : 'stdout', random(large < 10 ? size * 40 : size % 7)];
  });
}

describe('an output that was put away', () => {
  for (const seed of ['a', 'b', 'c'])
    it(`gives back every byte on its stream and at its place, whatever is asked for (${seed})`, () => {
      const source = written(randomWrites(seed));
      const kept = decodeOutput(source.stored, encodeOutput(source));
      for (const step of [1, 13, 4096, source.stored]) {
        const segments: Segment[] = [];
        for (let at = 0; at < source.stored; at += step) segments.push(...kept.read(at, step));
        assert.deepEqual(Buffer.concat(segments.map(({ data }) => data)), source.all);
        assert.deepEqual(byStream(segments), byStream(source.read(0, source.stored)));
      }
    });

  it('can be read backwards', () => {
    const source = written(randomWrites('d'));
    const kept = decodeOutput(source.stored, encodeOutput(source));
    for (let at = source.stored - 1; at >= 0; at -= 97) {
      const [mine, theirs] = [kept.read(at, 5), source.read(at, 5)];
      assert.deepEqual(
        Buffer.concat(mine.map(({ data }) => data)),
        Buffer.concat(theirs.map(({ data }) => data)),
      );
      assert.deepEqual([mine[0]?.stream, mine[0]?.offset], [theirs[0]?.stream, theirs[0]?.offset]);
    }
  });

  it('is refused when it was cut', () => {
    const source = written([['stdout', Buffer.from('hello')]]);
    assert.throws(() => decodeOutput(5, encodeOutput(source).subarray(0, 4)), /cut/);
  });
});

describe('the turns of two streams', () => {
  it('can be encoded at any time and go on afterwards', () => {
    const turns = countTurns();
    turns.add('stderr', 3);
    const early = turns.encode();
    assert.deepEqual([...early], [0, 3]);
    turns.add('stderr', 200);
    turns.add('stdout', 1);
    assert.deepEqual([...turns.encode()], [0, 0xcb, 0x01, 1]);
  });
});
