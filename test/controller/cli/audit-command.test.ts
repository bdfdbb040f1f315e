import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOW, stage } from './command-stage.ts';
import { JOB } from './fake-job.ts';

const entry = {
  seq: 7,
  atMs: NOW,
  actor: 'kim',
  action: 'job-created',
  subject: JOB,
  detail: { a: 1 },
  hash: 'ab',
};
const headReply = { seq: 7, hash: 'abcd', atMs: NOW, keyId: null, signature: null };

test('audit lists the newest entries, and as NDJSON', async (t) => {
  const { muster, out, api } = await stage(t, {
    'audit.head': () => ({ ...headReply, seq: 1207 }),
    'audit.list': () => [entry],
  });
  assert.equal(await muster('audit'), 0);
  assert.match(out(), /^7 .* kim {2}job-created {2}3f2a9c01d2aa4b5c8d7e6f5041322314 {2}\{"a":1\}$/m);
  assert.deepEqual(api.calls.at(-1)?.query, { after: '1157', limit: '50' });
  const again = await stage(t, { 'audit.head': () => headReply, 'audit.list': () => [entry, entry] });
  assert.equal(await again.muster('audit', 'ls', '--after', '0', '--json'), 0);
  assert.deepEqual(again.out(), `${JSON.stringify(entry)}\n`.repeat(2));
});

test('a long audit log is read in pages', async (t) => {
  const { muster, out, api } = await stage(t, {
    'audit.head': () => headReply,
    'audit.list': ({ query }) =>
      Array.from({ length: Math.min(Number(query.limit), 1500 - Number(query.after)) }, (_, i) => ({
        ...entry,
        seq: Number(query.after) + i + 1,
      })),
  });
  assert.equal(await muster('audit', 'ls', '--after', '0', '--limit', '100000', '--json'), 0);
  assert.deepEqual(
    out()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).seq),
    Array.from({ length: 1500 }, (_, i) => i + 1),
  );
  assert.equal(api.calls.filter(({ name }) => name === 'audit.list').length, 2);
});

test('audit head prints what audit verify --since takes', async (t) => {
  const verified = { ok: true, checked: 7, head: headReply, firstBad: null, tailChecked: true };
  const { muster, out, err, api } = await stage(t, {
    'audit.head': () => headReply,
    'audit.verify': () => verified,
  });
  assert.equal(await muster('audit', 'head'), 0);
  assert.equal(out(), '7:abcd\n');
  assert.equal(await muster('audit', 'verify', '--since', '7:abcd'), 0);
  assert.deepEqual(api.calls.at(-1)?.query, { since: '7:abcd' });
  assert.equal(err(), '');
  assert.equal(await muster('audit', 'verify', '--since', 'abcd'), 2);
});

test('a chain that was changed is a failure that names the first bad entry', async (t) => {
  const verified = {
    ok: false,
    checked: 3,
    head: null,
    firstBad: { seq: 4, why: 'the hash is another' },
    tailChecked: false,
  };
  const { muster, out } = await stage(t, { 'audit.verify': () => verified });
  assert.equal(await muster('audit', 'verify'), 1);
  assert.equal(out(), 'the audit log was changed: entry 4: the hash is another\n');
});

test('without a kept head a cut tail cannot be seen, and verify says so', async (t) => {
  const verified = { ok: true, checked: 7, head: headReply, firstBad: null, tailChecked: false };
  const { muster, err } = await stage(t, { 'audit.verify': () => verified });
  assert.equal(await muster('audit', 'verify'), 0);
  assert.match(err(), /entries cut off the end cannot be seen/);
});
