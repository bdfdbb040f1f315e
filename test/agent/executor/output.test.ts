import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type LogFile, type OutputLog, openOutputLog, type Stream } from '../../../agent/executor/output.ts';
import { openLogFile } from '../../../agent/executor/storage.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { bytes } from './machine.ts';

function createLog({ capBytes, file = memoryLog() }: { capBytes: number; file?: LogFile }): OutputLog {
  return openOutputLog({ capBytes, file }).log;
}

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
    const file = memoryLog();
    const log = createLog({ capBytes: cap, file });
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
    const again = openOutputLog({ capBytes: cap, file: memoryLog({ bytes: file.bytes }) });
    assert.equal(again.closed, false);
    for (let n = 0; n < 12; n++)
      expected.check(again.log, Math.floor(random() * (log.stored + 10)), Math.floor(random() * 90_000));
    const more = Uint8Array.from({ length: 70_000 }, (_, n) => n);
    again.log.append('stderr', more);
    expected.append('stderr', more);
    expected.check(again.log, 0, cap);
  }
});

test('the cap cuts in the midst of a piece, and nothing is kept behind it', () => {
  const log = createLog({ capBytes: 5 });
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
  const full = createLog({ capBytes: 3 });
  full.append('stdout', bytes('abc'));
  assert.equal(full.summary().truncated, false);
  const nothing = createLog({ capBytes: 0 });
  assert.equal(nothing.summary().truncated, false);
  nothing.append('stdout', bytes('a'));
  assert.deepEqual([nothing.stored, nothing.length, nothing.summary().truncated], [0, 1, true]);
  assert.deepEqual(nothing.read(0, 10), []);
});

test('bytes may be used again once they were appended, and what was read does not change', () => {
  const log = createLog({ capBytes: 100 });
  const data = bytes('abc');
  log.append('stdout', data);
  data.fill(0);
  const [segment] = log.read(0, 10);
  log.append('stdout', bytes('def'));
  assert.equal(Buffer.from(segment?.data ?? []).toString(), 'abc');
});

test('a gap is named at the place in its stream behind which bytes may be missing', () => {
  const log = createLog({ capBytes: 100 });
  log.append('stdout', bytes('abc'));
  log.append('stderr', bytes('e'));
  log.gap('stdout');
  assert.deepEqual(log.summary().gaps, [{ stream: 'stdout', offset: 3 }]);
});

test('a store that fails ends what is kept at a prefix, and says why', () => {
  const file = memoryLog({
    write() {
      throw new Error('ENOSPC: no space left on device, write');
    },
  });
  const log = createLog({ capBytes: 1_000_000, file });
  const data = new Uint8Array(50_000).fill(7);
  for (let n = 0; n < 4; n++) assert.equal(log.append('stdout', data), false);
  const summary = log.summary();
  assert.deepEqual([summary.length, summary.stored, summary.truncated], [200_000, 65_536, true]);
  assert.match(summary.problem ?? '', /cannot be kept: ENOSPC/);
  assert.equal(log.read(0, 100_000)[0]?.data.length, 65_536);
  const digest = createHash('sha512').update(new Uint8Array(65_536).fill(7)).digest();
  assert.deepEqual(Buffer.from(summary.sha512), digest);
});

test('bytes that come one by one to alternating streams cost ten times their room in the file, not more', () => {
  const file = memoryLog();
  const log = createLog({ capBytes: 10_000, file });
  const one = bytes('x');
  for (let n = 0; n < 10_000; n++) log.append(n % 2 ? 'stdout' : 'stderr', one);
  assert.ok(file.size <= 10 * 10_000 + 100, `${file.size} bytes`);
});

test('bytes that come one by one to one stream cost hardly more than themselves', () => {
  const file = memoryLog();
  const log = createLog({ capBytes: 20_000, file });
  const one = bytes('x');
  for (let n = 0; n < 20_000; n++) log.append('stdout', one);
  assert.ok(file.size < 20_000 + 200, `${file.size} bytes`);
  const again = openOutputLog({ capBytes: 20_000, file: memoryLog({ bytes: file.bytes }) });
  assert.equal(again.log.stored, 20_000);
});

/** Output of both streams, a gap, a note and more than the cap. */
function written(): ReturnType<typeof memoryLog> {
  const file = memoryLog();
  const log = createLog({ capBytes: 10, file });
  log.append('stdout', bytes('abc'));
  log.append('stderr', bytes('de'));
  log.note('{"a":1}');
  log.gap('stderr');
  log.append('stdout', bytes('fghijklm'));
  return file;
}

test('what a store that was full did not take is a gap to whoever reads on behind a later note', () => {
  let isFull = false;
  const file = memoryLog();
  const take = file.write;
  file.write = (at, parts) => {
    if (isFull) throw new Error('ENOSPC');
    take(at, parts);
  };
  const log = createLog({ capBytes: 1000, file });
  log.append('stdout', bytes('abc'));
  isFull = true;
  log.append('stdout', bytes('lost'));
  isFull = false;
  log.append('stdout', bytes('lost too'));
  for (const note of ['one', 'two']) log.note(note);
  assert.deepEqual(log.summary().gaps, [], 'this one knows it all');
  const next = openOutputLog({ capBytes: 1000, file: memoryLog({ bytes: file.bytes }) });
  assert.deepEqual(next.notes, ['one', 'two']);
  assert.deepEqual([next.log.length, next.log.summary().gaps], [3, [{ stream: 'stdout', offset: 3 }]]);
});

test('a log that is opened again says what it said, and whether it was let go of', () => {
  const file = written();
  const killed = openOutputLog({ capBytes: 10, file: memoryLog({ bytes: file.bytes }) });
  assert.deepEqual([killed.closed, killed.notes], [false, ['{"a":1}']]);
  const { sha512, ...rest } = killed.log.summary();
  assert.deepEqual(rest, {
    length: 13,
    stdoutLength: 11,
    stderrLength: 2,
    stored: 10,
    truncated: true,
    gaps: [{ stream: 'stderr', offset: 2 }],
  });
  assert.deepEqual(Buffer.from(sha512), createHash('sha512').update('abcdefghij').digest());
  killed.log.close();
  const letGo = openOutputLog({ capBytes: 10, file: memoryLog({ bytes: file.bytes }) });
  assert.equal(letGo.closed, false, 'the other one was');
});

test('a log that was let go of says so once', () => {
  const file = written();
  openOutputLog({ capBytes: 10, file }).log.close();
  assert.equal(openOutputLog({ capBytes: 10, file }).closed, true);
  assert.equal(openOutputLog({ capBytes: 10, file }).closed, false);
});

test('a log that was cut anywhere, or changed in any byte, is a prefix of what it was', () => {
  const whole = written().bytes();
  const all = 'abcdefghij';
  const textOf = (file: Uint8Array) => {
    const { log } = openOutputLog({ capBytes: 10, file: memoryLog({ bytes: () => file }) });
    return Buffer.concat(log.read(0, 100).map(({ data }) => data)).toString();
  };
  assert.equal(textOf(whole), all);
  for (let length = 0; length < whole.length; length++)
    assert.ok(all.startsWith(textOf(whole.subarray(0, length))));
  for (let at = 24; at < whole.length; at++) {
    const flipped = Buffer.from(whole);
    flipped[at] = (flipped[at] ?? 0) ^ 0x21;
    const text = textOf(flipped);
    assert.ok(all.startsWith(text) && text.length < all.length, `${at}: ${text}`);
  }
});

test('what a killed agent wrote in part is cut off, lest it passes for a record later', () => {
  const file = memoryLog();
  createLog({ capBytes: 1000, file }).append('stdout', bytes('abc'));
  const whole = file.size;
  file.write(whole, [Uint8Array.from([1, 200, 0, 0, 0, 9, 9, 9, 9, 7, 7])]);
  const { log } = openOutputLog({ capBytes: 1000, file });
  assert.equal(file.size, whole);
  log.append('stdout', bytes('def'));
  assert.equal(openOutputLog({ capBytes: 1000, file }).log.length, 6);
});

test('a log file is made when it is first written, is nobody else’s to read, and goes when it is removed', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'muster-store-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'log');
  const file = openLogFile(path, true);
  assert.deepEqual([existsSync(path), file.size, file.read(0, 5).length], [false, 0, 0]);
  file.write(0, [bytes('abc'), bytes('defg')]);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(Buffer.from(file.read(2, 3)).toString(), 'cde');
  assert.equal(Buffer.from(file.read(5, 10)).toString(), 'fg');
  file.close();
  assert.throws(() => openLogFile(path, true).write(0, [bytes('a')]), { code: 'EEXIST' });
  const again = openLogFile(path, false);
  again.write(7, [bytes('h')]);
  again.sync();
  assert.equal(readFileSync(path, 'utf8'), 'abcdefgh');
  again.remove();
  assert.equal(existsSync(path), false);
});
