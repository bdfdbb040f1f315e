import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MusterError } from '../../../proto/errors.ts';
import { NOW, stage } from './command-stage.ts';

test('token create prints the token alone on stdout, and the rest on stderr', async (t) => {
  const { muster, out, err, api } = await stage(t, {
    'tokens.create': () => ({ id: '5e0c', token: 'mjt_secret', expiresAtMs: NOW }),
  });
  const options = [
    '--ttl',
    '1h',
    '--label',
    'role=web',
    '--label',
    'env=prod',
    '--allow-label',
    'rack',
    '--uses',
    '3',
  ];
  assert.equal(await muster('token', 'create', ...options, '--approve', 'manual', '--name', 'web-9'), 0);
  assert.equal(out(), 'mjt_secret\n');
  assert.match(err(), /token 5e0c.*muster-agent join --token-file/);
  const labels = { role: 'web', env: 'prod' };
  assert.deepEqual(api.calls[0]?.body, {
    ttlMs: 3_600_000,
    labels,
    allowLabels: ['rack'],
    uses: 3,
    approve: 'manual',
    name: 'web-9',
  });
});

test('token create --json prints the token in an object', async (t) => {
  const reply = { id: '5e0c', token: 'mjt_secret', expiresAtMs: NOW };
  const { muster, json, err } = await stage(t, { 'tokens.create': () => reply });
  assert.equal(await muster('token', 'create', '--json'), 0);
  assert.deepEqual(json(), reply);
  assert.equal(err(), '');
});

test('what a script would hold is wrong use without one, and so is a proxy that is no address', async (t) => {
  const { muster, api, err } = await stage(t, {});
  for (const option of [
    ['--arch', 'x64'],
    ['--service', 'none'],
    ['--proxy', 'http://p:1'],
    ['--runtime', 'f'],
  ])
    assert.equal(await muster('token', 'create', ...option), 2, option.join(' '));
  assert.equal(await muster('token', 'create', '--script', '--arch', 'mips'), 2);
  assert.equal(await muster('token', 'create', '--script', '--proxy', 'proxy:3128'), 2);
  assert.match(err(), /--proxy is no address\n {2}it is http:\/\/HOST:PORT/);
  assert.deepEqual(api.calls, []);
});

test('tokens and operators are listed and revoked', async (t) => {
  const token = {
    id: '5e0c',
    state: 'open',
    labels: { a: 'b' },
    allowLabels: [],
    uses: 2,
    used: 1,
    approve: 'auto',
    name: null,
  } as const;
  const operator = {
    id: 'x',
    name: 'kim',
    role: 'admin',
    state: 'active',
    createdAtMs: NOW,
    expiresAtMs: null,
  } as const;
  const { muster, out, api } = await stage(t, {
    'tokens.list': () => [
      {
        ...token,
        labels: { ...token.labels },
        allowLabels: [],
        createdBy: 'kim',
        createdAtMs: NOW,
        expiresAtMs: NOW,
      },
    ],
    'tokens.revoke': () => ({ ok: true }),
    'operators.list': () => [{ ...operator, keys: [] }],
    'operators.revoke': () => ({ ok: true, revokedKeys: [], trustedKeys: [] }),
  });
  for (const argv of [['token'], ['operator'], ['token', 'revoke', '5e0c'], ['operator', 'revoke', 'kim']])
    assert.equal(await muster(...argv), 0);
  assert.match(out(), /^5e0c {3}open {3}1\/2 .* kim +auto +a=b$/m);
  assert.match(out(), /^kim {3}admin +active .* never {4}-$/m);
  assert.deepEqual(api.calls.map(({ name, params }) => [name, params]).slice(2), [
    ['tokens.revoke', { id: '5e0c' }],
    ['operators.revoke', { name: 'kim' }],
  ]);
});

test('operator add prints the API token alone, and needs a role', async (t) => {
  const { muster, out, err, api } = await stage(t, {
    'operators.add': () => ({ id: 'x', token: 'mop_secret' }),
  });
  assert.equal(await muster('operator', 'add', 'kim', '--role', 'runner', '--ttl', '90d'), 0);
  assert.equal(out(), 'mop_secret\n');
  assert.match(err(), /muster login https:\/\/127.0.0.1:\d+ --token-file FILE/);
  assert.deepEqual(api.calls[0]?.body, { name: 'kim', role: 'runner', ttlMs: 90 * 86_400_000 });
  assert.equal(await muster('operator', 'add', 'kim'), 2);
  assert.equal(await muster('operator', 'add', 'kim', '--role', 'root'), 2);
});

test('a token of too low a role is refused with 5 and what to do', async (t) => {
  const { muster, err } = await stage(t, {
    'tokens.create': () => {
      throw new MusterError('forbidden', 'this needs the role admin, kim is viewer');
    },
  });
  assert.equal(await muster('token', 'create'), 5);
  assert.match(err(), /does not allow that: this needs the role admin, kim is viewer\n {2}ask an admin/);
});

test('an error of a newer or hostile controller cannot draw on a terminal', async (t) => {
  const { muster, err } = await stage(t, {
    'tokens.create': () => {
      throw new MusterError('bad-request', '\x1b[2J\u202e');
    },
  });
  assert.equal(await muster('token', 'create'), 2);
  assert.match(err(), /\\x1b\[2J\\u\{202e\}/);
});
