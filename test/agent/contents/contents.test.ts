import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../../proto/limits.ts';
import { type Asked, CHUNK, cacheWorld, contentOf, JOB, OTHER_JOB } from './world.ts';

const BIG = contentOf(10 * CHUNK + 100);

const ranges = (asked: readonly Asked[]) => asked.map(({ from, count }) => [from, count]);

for (const length of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 40 * CHUNK])
  test(`content of ${length} bytes comes whole`, async () => {
    const at = cacheWorld();
    const content = contentOf(length);
    at.connect(at.serves(content));
    const fetched = await at.fetch(content);
    assert.equal(fetched.path, `/cache/${content.hex}`);
    assert.ok(at.cache.files.get(content.hex)?.bytes.equals(content.plain));
    assert.deepEqual([...at.cache.files.keys()], [content.hex]);
  });

test('content that is here already is not asked for', async () => {
  const at = cacheWorld();
  at.connect(at.serves(BIG));
  (await at.fetch(BIG)).release();
  const before = at.asked.length;
  await at.fetch(BIG);
  at.restart();
  await at.fetch(BIG);
  assert.equal(at.asked.length, before);
});

test('without a session a fetch waits, and goes on when one begins', async () => {
  const at = cacheWorld();
  const fetching = at.fetch(BIG);
  await at.settle();
  at.connect(at.serves(BIG));
  await fetching;
});

test('after a new session only what is missing is asked for', async () => {
  const at = cacheWorld();
  at.connect((request) => at.serves(BIG)({ ...request, count: 1 }));
  const fetching = at.fetch(BIG);
  await at.settle();
  at.contents.close();
  at.connect(at.serves(BIG));
  await fetching;
  assert.deepEqual(ranges(at.asked).slice(0, 2), [
    [0, 4],
    [1, 4],
  ]);
});

test('an agent that was killed goes on where its file ends', async () => {
  const at = cacheWorld();
  at.connect((request) => (request.from === 0 ? at.serves(BIG)(request) : undefined));
  at.fetch(BIG).catch(() => {});
  await at.settle();
  const part = at.cache.files.get(`${BIG.hex}.part`);
  assert.equal(part?.bytes.length, 4 * CHUNK);
  // The kill came in the middle of a write.
  if (part) part.bytes = Buffer.concat([part.bytes, Buffer.alloc(77)]);
  at.restart();
  at.asked.length = 0;
  at.connect(at.serves(BIG));
  await at.fetch(BIG);
  assert.equal(at.asked[0]?.from, 4);
  assert.ok(at.cache.files.get(BIG.hex)?.bytes.equals(BIG.plain));
});

test('a beginning that was damaged is found by the digest, and all of it fetched anew', async () => {
  const at = cacheWorld();
  at.cache.files.set(`${BIG.hex}.part`, { bytes: Buffer.alloc(3 * CHUNK, 'wrong'), usedAtMs: 0 });
  at.connect(at.serves(BIG));
  await at.fetch(BIG);
  assert.equal(at.asked[0]?.from, 3);
  assert.ok(at.cache.files.get(BIG.hex)?.bytes.equals(BIG.plain));
});

test('cached content that was damaged is not used but fetched again', async () => {
  for (const damaged of [Buffer.alloc(BIG.plain.length), BIG.plain.subarray(1), Buffer.alloc(0)]) {
    const at = cacheWorld();
    at.cache.files.set(BIG.hex, { bytes: damaged, usedAtMs: 0 });
    at.connect(at.serves(BIG));
    await at.fetch(BIG);
    assert.ok(at.cache.files.get(BIG.hex)?.bytes.equals(BIG.plain));
  }
});

test('several that want the same share one transfer', async () => {
  const at = cacheWorld();
  at.connect(at.serves(BIG));
  const [first, second] = await Promise.all([at.fetch(BIG), at.fetch(BIG, { jobId: OTHER_JOB })]);
  assert.equal(first.path, second.path);
  const chunks = at.asked.reduce((sum, { count }) => sum + count, 0);
  assert.equal(chunks, BIG.chunks.length);
});

test('one of them leaves, and the others get it all the same', async () => {
  const at = cacheWorld();
  const leaving = new AbortController();
  const left = assert.rejects(at.fetch(BIG, { signal: leaving.signal }), /enough/);
  const stays = at.fetch(BIG, { jobId: OTHER_JOB });
  await at.settle();
  leaving.abort(new Error('enough'));
  await left;
  at.connect(at.serves(BIG));
  await stays;
  assert.equal(Buffer.from(at.asked[0]?.jobId ?? []).toString('hex'), OTHER_JOB);
});

test('when nobody wants it any longer it stops, keeps what came, and a later fetch goes on', async () => {
  const at = cacheWorld();
  const leaving = new AbortController();
  at.connect((request) => (request.from === 0 ? at.serves(BIG)(request) : undefined));
  const left = assert.rejects(at.fetch(BIG, { signal: leaving.signal }), /enough/);
  await at.settle();
  leaving.abort(new Error('enough'));
  await left;
  const again = at.fetch(BIG);
  at.connect(at.serves(BIG));
  await again;
  assert.equal(at.asked.filter(({ from }) => from === 0).length, 1);
});

test('a fetch that is too late is refused at once', async () => {
  const at = cacheWorld();
  await assert.rejects(at.fetch(BIG, { signal: AbortSignal.abort(new Error('over')) }), /over/);
});

test('refused for one job, it is asked for in the name of another', async () => {
  const at = cacheWorld();
  at.connect((request) => {
    if (Buffer.from(request.jobId).toString('hex') === OTHER_JOB) return at.serves(BIG)(request);
    const refusal = { sha512: request.sha512, code: 'content-refused', detail: 'the job is over' };
    setImmediate(() => at.contents.refused(refusal));
  });
  const first = assert.rejects(at.fetch(BIG, { jobId: JOB }), {
    code: 'content-refused',
    detail: 'the job is over',
  });
  await at.fetch(BIG, { jobId: OTHER_JOB });
  await first;
});

const TAMPERED: Record<string, (data: Uint8Array, index: number) => Uint8Array> = {
  'a flipped bit': (data) => Buffer.from(data).fill((data[9] ?? 0) ^ 1, 9, 10),
  'a chunk in the place of another': (_, index) => BIG.chunks[index === 0 ? 1 : 0] ?? new Uint8Array(0),
  'a chunk that was cut': (data) => data.subarray(1),
  'no bytes at all': () => new Uint8Array(0),
};
for (const [what, tamper] of Object.entries(TAMPERED))
  test(`not taken for content: ${what}`, async () => {
    const at = cacheWorld();
    at.connect(({ sha512, from, count }) => {
      for (let index = from; index < from + count; index++) {
        const data = tamper(BIG.chunks[index] ?? new Uint8Array(0), index);
        setImmediate(() => at.contents.chunk({ sha512, index, data }));
      }
    });
    await assert.rejects(at.fetch(BIG), { code: 'content-corrupt' });
    assert.ok(!at.cache.files.has(BIG.hex));
  });

test('chunks that nobody asked for change nothing', async () => {
  const at = cacheWorld();
  const { sha512 } = BIG.name;
  const other = contentOf(5, 'other');
  at.connect((request) => {
    for (const index of [5, 10, 3]) {
      const data = BIG.chunks[index] ?? new Uint8Array(0);
      at.contents.chunk({ sha512, index, data });
    }
    at.contents.chunk({ sha512: other.name.sha512, index: 0, data: other.chunks[0] ?? new Uint8Array(0) });
    at.contents.refused({ sha512: other.name.sha512, code: 'content-refused', detail: '' });
    at.serves(BIG)(request);
    at.serves(BIG)(request);
  });
  await at.fetch(BIG);
  assert.ok(at.cache.files.get(BIG.hex)?.bytes.equals(BIG.plain));
  assert.equal(at.cache.files.size, 1);
});

test('the right chunks of bytes with another digest are refused, and nothing is kept', async () => {
  const at = cacheWorld();
  const liar = { ...BIG, name: { ...BIG.name, sha512: contentOf(3, 'other').name.sha512 } };
  at.connect((request) => at.serves(BIG)({ ...request, sha512: BIG.name.sha512 }));
  const { contents } = at;
  at.connect(({ from, count }) => {
    for (let index = from; index < from + count; index++) {
      const data = BIG.chunks[index] ?? new Uint8Array(0);
      setImmediate(() => contents.chunk({ sha512: liar.name.sha512, index, data }));
    }
  });
  await assert.rejects(at.fetch(liar), { code: 'content-corrupt' });
  assert.equal(at.cache.files.size, 0);
});

test('ranges grow on a fast line, shrink on a slow one, and never pass the limit', async () => {
  const at = cacheWorld();
  const content = contentOf(100 * CHUNK);
  at.connect(at.serves(content));
  await at.fetch(content);
  const counts = at.asked.map(({ count }) => count);
  assert.equal(Math.max(...counts), LIMITS.contentWindowChunks);
  const slow = contentOf(70 * CHUNK, 'slow');
  at.asked.length = 0;
  at.connect((request) => void at.clock.after(2_000, () => at.serves(slow)(request)));
  const fetching = at.fetch(slow);
  for (let turn = 0; turn < 200 && !at.cache.files.has(slow.hex); turn++) await at.clock.advance(2_000);
  await fetching;
  assert.equal(Math.min(...at.asked.map(({ count }) => count)), 1);
});

test('no more than a few contents are fetched at the same time, and all get their turn', async () => {
  const at = cacheWorld();
  const all = Array.from({ length: 12 }, (_, index) => contentOf(CHUNK + index, `content ${index}`));
  const gate: (() => void)[] = [];
  at.connect((request) => void gate.push(() => at.serves(...all)(request)));
  const fetching = Promise.all(all.map((one) => at.fetch(one)));
  await at.settle();
  assert.equal(at.asked.length, 4);
  at.connect(at.serves(...all));
  await fetching;
});

test('what was not used for longest goes first, and what is in use never', async () => {
  const at = cacheWorld({ quotaBytes: 5 * CHUNK });
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((seed) => contentOf(2 * CHUNK, seed));
  assert.ok(a && b && c && d);
  at.connect(at.serves(a, b, c, d));
  const used = await at.fetch(a);
  await at.clock.advance(1_000);
  (await at.fetch(b)).release();
  await at.clock.advance(1_000);
  (await at.fetch(c)).release();
  assert.deepEqual([...at.cache.files.keys()].sort(), [a.hex, c.hex].sort());
  used.release();
  used.release();
  at.restart();
  await at.clock.advance(1_000);
  at.connect(at.serves(a, b, c, d));
  (await at.fetch(d)).release();
  assert.ok(!at.cache.files.has(a.hex), 'used last before c, as the files say');
});

test('content larger than the quota is fetched, and goes when it was used', async () => {
  const at = cacheWorld({ quotaBytes: CHUNK });
  at.connect(at.serves(BIG));
  const fetched = await at.fetch(BIG);
  assert.ok(at.cache.files.has(BIG.hex));
  fetched.release();
  await at.settle();
  assert.equal(at.cache.files.size, 0);
});

test('a disk with too little room gets its reserve: old content goes, and then the fetch is refused', async () => {
  const at = cacheWorld({ reserveBytes: 1_000 });
  const old = contentOf(CHUNK, 'old');
  at.connect(at.serves(old, BIG));
  (await at.fetch(old)).release();
  at.cache.free = 1_000;
  await assert.rejects(at.fetch(BIG), { code: 'disk-reserve' });
  assert.equal(at.cache.files.size, 0);
  at.cache.free = Number.POSITIVE_INFINITY;
  at.cache.failure = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
  await assert.rejects(at.fetch(BIG), { code: 'disk-reserve' });
  assert.equal(at.cache.files.size, 0);
  await at.fetch(BIG);
});
