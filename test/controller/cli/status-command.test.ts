import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fingerprintOf } from '../../../certs/tls.ts';
import type { StatusReply } from '../../../controller/api/contract.ts';
import { NOW, stage } from './command-stage.ts';

const DAY = 86_400_000;
const statusReply: StatusReply = {
  ...{
    version: '0.1.0',
    fleetId: 'f1ee7',
    urls: ['https://c:7443'],
    timeMs: NOW,
    startedAtMs: NOW - 3_600_000,
  },
  ...{ agents: { known: 40, online: 38, pending: 1, quarantined: 0 }, jobs: { running: 2 } },
  rollouts: { open: 0, stopped: 0 },
  ...{ trust: { serial: 1, expiresAtMs: NOW + 300 * DAY }, rootKeyHere: true, warnings: [] },
  storage: {
    ...{ databaseBytes: 3 * 1024 ** 3, reusableBytes: 1024 ** 3, outputBytes: 1.5 * 1024 ** 3 },
    ...{ contentBytes: 0, freeBytes: 20 * 1024 ** 3, oldestJobAtMs: NOW - 40 * DAY, full: null },
    ...{ keepJobsMs: 90 * DAY, keepOutputMs: 30 * DAY, maxOutputBytes: null, reserveBytes: 256 * 1024 ** 2 },
  },
};

test('status shows what an operator wants to know and warns of a root key that is still there', async (t) => {
  const { muster, out, err } = await stage(t, {
    status: () => statusReply,
    ready: () => ({ ready: true, checks: {} }),
  });
  assert.equal(await muster('status'), 0);
  assert.match(out(), /^agents +38 of 40 online, 1 waiting for approval$/m);
  assert.match(out(), /^root key +beside the controller's keys$/m);
  assert.match(out(), /^up +1h, since /m);
  assert.match(out(), /^store +3 GiB, 1 GiB of them free for what comes; 20 GiB free on its disk$/m);
  assert.match(out(), /^history +jobs for 90d, the oldest from \d{4}-/m);
  assert.match(out(), /^output +1.5 GiB, for 30d and without a limit$/m);
  assert.match(out(), /^authority +([0-9A-F]{2}:){31}[0-9A-F]{2}$/m);
  assert.match(err(), /^muster: warning: .*root key is still on it$/m);
});

test("status warns 30 days before the trust document ends, and passes on the controller's warnings", async (t) => {
  const soon = { ...statusReply, rootKeyHere: false, trust: { serial: 1, expiresAtMs: NOW + 29 * DAY } };
  const cases: [StatusReply, RegExp][] = [
    [soon, /^muster: warning: the trust document expires in 29d\n$/],
    [
      { ...soon, trust: { serial: 1, expiresAtMs: NOW - 1 } },
      /^muster: warning: the trust document has expired; orders are refused\n$/,
    ],
    [{ ...soon, warnings: ['a', 'b'] }, /^muster: warning: a\nmuster: warning: b\n$/],
    [{ ...soon, trust: statusReply.trust }, /^$/],
  ];
  for (const [reply, warnings] of cases) {
    const { muster, err } = await stage(t, {
      status: () => reply,
      ready: () => ({ ready: true, checks: {} }),
    });
    assert.equal(await muster('status'), 0);
    assert.match(err(), warnings);
  }
});

test('status --json is the reply with its URL', async (t) => {
  const { muster, json, api } = await stage(t, {
    status: () => statusReply,
    ready: () => ({ ready: true, checks: {} }),
  });
  assert.equal(await muster('status', '--json'), 0);
  assert.deepEqual(json(), {
    url: api.url,
    authority: await fingerprintOf(api.authority.certPem),
    ...statusReply,
  });
});

test('status of a controller that is not ready leaves with 5 and says why', async (t) => {
  const { muster, err, out } = await stage(t, {
    status: () => statusReply,
    ready: ({ reply }) => {
      reply.writeHead(503, { 'content-type': 'application/json' });
      return { ready: false, checks: { store: 'cannot write', gateway: null } };
    },
  });
  assert.equal(await muster('status'), 5);
  assert.match(err(), /the controller is not ready: store: cannot write\n/);
  assert.equal(out(), '');
});
