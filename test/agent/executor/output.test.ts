import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeBlock, emptyBlock, encodeBlock, fill } from '../../../agent/executor/block.ts';
import {
  type BlockStore,
  createOutputLog,
  type OutputLog,
  type Stream,
} from '../../../agent/executor/output.ts';
import { createFileStore } from '../../../agent/executor/storage.ts';
import { bytes } from './machine.ts';

function memoryStore(): BlockStore & { length(): number } {
  let all = Buffer.alloc(0);
  return {
    append(data) {
      all = Buffer.concat([all, data]);
    },
    read: (at, length) => new Uint8Array(all.subarray(at, at + length)),
    length: () => all.length,
  };
}

const none: BlockStore = {
  append: () => assert.fail('a small output needs no store'),
  read: () => assert.fail('a small output needs no store'),
};

/** Numbers that look random and are the same each time. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
}

/** What a log should say, kept in the most simple-minded way: every byte, and the stream of every byte. */
function model(capBytes: number) {
  const all: number[] = [];
  const streams: Stream[] = [];
  return {
    append(stream: Stream, data: Uint8Array) {
      for (const byte of data) {
        all.push(byte);
        streams.push(stream);
      }
    },
    check(log: OutputLog, from: number, maxBytes: number) {
      const kept = all.slice(0, capBytes);
      const segments = log.read(from, maxBytes);
      const got = Buffer.concat(segments.map((segment) => segment.data));
      assert.ok(got.equals(Buffer.from(kept.slice(from, from + maxBytes))));
      for (const { stream, position, offset, data } of segments) {
        assert.ok(streams.slice(position, position + data.length).every((each) => each === stream));
        assert.equal(offset, streams.slice(0, position).filter((each) => each === stream).length);
      }
      const { sha512, length, stored, truncated, stdoutLength } = log.summary();
      assert.deepEqual(Buffer.from(sha512), createHash('sha512').update(Buffer.from(kept)).digest());
      assert.deepEqual([length, stored, truncated], [all.length, kept.length, all.length > kept.length]);
      assert.equal(stdoutLength, streams.filter((stream) => stream === 'stdout').length);
    },
  };
}

test('a log gives back, from any position, what a simple-minded one would', () => {
  for (const [seed, cap] of [
    [1, 1_000_000],
    [2, 150_000],
    [3, 65_536],
  ] as const) {
    const random = sequence(seed);
    const log = createOutputLog({ capBytes: cap, store: memoryStore() });
    const expected = model(cap);
    for (let n = 0; n < 60; n++) {
      const stream = random() < 0.5 ? 'stdout' : 'stderr';
      const size = Math.floor(random() < 0.5 ? random() * 20 : random() * 9000);
      const data = Uint8Array.from({ length: size }, () => Math.floor(random() * 256));
      log.append(stream, data);
      expected.append(stream, data);
    }
    for (let n = 0; n < 12; n++)
      expected.check(log, Math.floor(random() * (log.stored + 10)), Math.floor(random() * 90_000));
  }
});

test('the cap cuts in the midst of a piece, and nothing is kept behind it', () => {
  const log = createOutputLog({ capBytes: 5, store: none });
  log.append('stdout', bytes('abc'));
  log.append('stderr', bytes('defg'));
  log.append('stdout', bytes('h'));
  const segments = log
    .read(0, 100)
    .map(({ stream, offset, position, data }) => [stream, offset, position, Buffer.from(data).toString()]);
  assert.deepEqual(segments, [
    ['stdout', 0, 0, 'abc'],
    ['stderr', 0, 3, 'de'],
  ]);
  const { length, stored, stdoutLength, stderrLength, truncated } = log.summary();
  assert.deepEqual(
    { length, stored, stdoutLength, stderrLength, truncated },
    {
      length: 8,
      stored: 5,
      stdoutLength: 4,
      stderrLength: 4,
      truncated: true,
    },
  );
});

test('exactly the cap is not truncated, and a cap of nothing keeps nothing', () => {
  const full = createOutputLog({ capBytes: 3, store: none });
  full.append('stdout', bytes('abc'));
  assert.equal(full.summary().truncated, false);
  const nothing = createOutputLog({ capBytes: 0, store: none });
  assert.equal(nothing.summary().truncated, false);
  nothing.append('stdout', bytes('a'));
  assert.deepEqual([nothing.stored, nothing.length, nothing.summary().truncated], [0, 1, true]);
  assert.deepEqual(nothing.read(0, 10), []);
});

test('bytes may be used again once they were appended, and what was read does not change', () => {
  const log = createOutputLog({ capBytes: 100, store: none });
  const data = bytes('abc');
  log.append('stdout', data);
  data.fill(0);
  const [segment] = log.read(0, 10);
  log.append('stdout', bytes('def'));
  assert.equal(Buffer.from(segment?.data ?? []).toString(), 'abc');
});

test('a gap is named at the place in its stream behind which bytes may be missing', () => {
  const log = createOutputLog({ capBytes: 100, store: none });
  log.append('stdout', bytes('abc'));
  log.append('stderr', bytes('e'));
  log.gap('stdout');
  assert.deepEqual(log.summary().gaps, [{ stream: 'stdout', offset: 3 }]);
});

test('a store that fails ends what is kept at a prefix, and says why', () => {
  const store: BlockStore = {
    append() {
      throw new Error('ENOSPC: no space left on device, write');
    },
    read: none.read,
  };
  const log = createOutputLog({ capBytes: 1_000_000, store });
  const data = new Uint8Array(50_000).fill(7);
  for (let n = 0; n < 4; n++) log.append('stdout', data);
  const summary = log.summary();
  assert.deepEqual([summary.length, summary.stored, summary.truncated], [200_000, 65_536, true]);
  assert.match(summary.problem ?? '', /cannot be kept: ENOSPC/);
  assert.equal(log.read(0, 100_000)[0]?.data.length, 65_536);
  const digest = createHash('sha512').update(new Uint8Array(65_536).fill(7)).digest();
  assert.deepEqual(Buffer.from(summary.sha512), digest);
});

test('bytes that come one by one to alternating streams cost twice their room in the store, not more', () => {
  const store = memoryStore();
  const log = createOutputLog({ capBytes: 1_000_000, store });
  const one = bytes('x');
  for (let n = 0; n < 200_000; n++) log.append(n % 2 ? 'stdout' : 'stderr', one);
  assert.ok(store.length() < 2 * 200_000 + 100, `${store.length()} bytes`);
  assert.deepEqual(
    log.read(131_070, 4).map((segment) => [segment.stream, segment.position, segment.offset]),
    [
      ['stderr', 131_070, 65_535],
      ['stdout', 131_071, 65_535],
      ['stderr', 131_072, 65_536],
      ['stdout', 131_073, 65_536],
    ],
  );
});

test('a block that was cut off is refused, whole', () => {
  const block = emptyBlock();
  fill(block, 'stderr', bytes('abc'));
  fill(block, 'stdout', new Uint8Array(300));
  const encoded = encodeBlock(block);
  assert.deepEqual(decodeBlock(encoded).runs, [0, 3, 300]);
  for (let length = 0; length < encoded.length; length++)
    assert.throws(() => decodeBlock(encoded.subarray(0, length)), RangeError);
});

test('a file holds the blocks, is made when the first one comes, and is nobody else’s to read', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'muster-store-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'log');
  const store = createFileStore(path);
  assert.equal(existsSync(path), false);
  store.append(bytes('abc'));
  store.append(bytes('defg'));
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(Buffer.from(store.read(2, 3)).toString(), 'cde');
  assert.throws(() => store.read(5, 10), /cut off/);
  store.close();
});
