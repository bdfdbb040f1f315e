import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scanOf, stage, waits } from './patch-stage.ts';

const OPENSSL = waits('openssl', '3.0.15-1', { security: true });
const NGINX = waits('nginx', '1.22.1-9');
const range = (count: number): string[] =>
  Array.from({ length: count }, (_, n) => `web-${String(n + 1).padStart(3, '0')}`);

test('a scan asks for what waits, and shows hosts on which the same waits in one row, the most urgent first', async (t) => {
  const { patch, asked, out, err } = await stage(t, {
    hosts: {
      ...{ 'web-1': scanOf([NGINX]), 'web-2': scanOf([NGINX]), 'web-3': scanOf([NGINX]) },
      'db-1': scanOf([OPENSSL, waits('postgresql', '15.8', { held: true })], {
        ...{ rebootNeeded: true, restarts: ['ssh.service', 'cron.service'] },
      }),
      'ns-1': scanOf([]),
    },
  });
  assert.equal(await patch('scan', '-t', 'all'), 0);
  assert.deepEqual(asked().tasks, [{ packages: { action: 'scan' } }]);
  assert.equal(
    out(),
    `HOSTS  PENDING  SECURITY  HELD  REBOOT  SINCE       RESTARTS                   NAMES
1      1        1         1     needed  2026-11-18  ssh.service, cron.service  db-1
3      1                                2026-11-18                             web-[1:3]
5 hosts: 4 updates wait on 4 hosts, 1 of security, 1 held, 1 host to reboot, 1 host with services to restart, 1 up to date
`,
  );
  assert.doesNotMatch(err(), /repo\.example/);
});

test('300 hosts with 40 kinds of state fit on a screen, and nobody is left out of the count', async (t) => {
  const hosts = Object.fromEntries(
    range(300).map((name, n) => [name, scanOf(n < 200 ? [] : [waits(`lib${n % 40}`, '2.0-1')])]),
  );
  const { patch, out } = await stage(t, { hosts });
  assert.equal(await patch('scan', '-t', 'all'), 0);
  const lines = out().trimEnd().split('\n');
  assert.ok(lines.length <= 40, `${lines.length} lines`);
  assert.match(out(), /… and \d+ hosts more, less urgent: --all shows each/);
  assert.match(out(), /300 hosts: 100 updates wait on 100 hosts, 200 up to date/);
});

test('--hosts has a row for each host, --all every name', async (t) => {
  const hosts = Object.fromEntries(
    range(60).map((name, n) => [name, scanOf([waits('a', `${(n % 2) + 1}.0`)])]),
  );
  const one = await stage(t, { hosts });
  await one.patch('scan', '-t', 'all', '--hosts');
  assert.equal(one.out().match(/web-\d+/g)?.length, 60);
  const all = await stage(t, { hosts });
  await all.patch('scan', '-t', 'all', '--all');
  assert.equal(all.out().match(/web-\d+/g)?.length, 60);
});

test('--packages says which hosts wait for a package, security first', async (t) => {
  const { patch, out } = await stage(t, {
    hosts: { 'web-1': scanOf([NGINX, OPENSSL]), 'web-2': scanOf([NGINX, { ...NGINX, arch: 'i386' }]) },
  });
  assert.equal(await patch('scan', '-t', 'all', '--packages'), 0);
  assert.match(
    out(),
    /^PACKAGE .*\nopenssl +3\.0\.15-1 +1 +security +2026-11-18 +web-1\nnginx +1\.22\.1-9 +2 +2026-11-18 +web-1,web-2\n/,
  );
});

test('hosts that gave no answer are told apart by cause, and decide the exit status', async (t) => {
  const hosts = {
    'web-1': scanOf([]),
    'web-2': { state: 'expired', outcome: { reason: 'offline since yesterday' } },
    'web-3': { state: 'expired', outcome: { reason: 'offline since yesterday' } },
    'web-4': { state: 'lost', outcome: {} },
  } as const;
  const silent = await stage(t, { hosts });
  assert.equal(await silent.patch('scan', '-t', 'all'), 4);
  assert.match(silent.out(), /no answer {2}2 hosts web-2,web-3: expired: offline since yesterday\n/);
  assert.match(silent.out(), /no answer {2}1 host web-4: lost\n/);
  assert.match(silent.out(), /4 hosts: 1 up to date, 3 without an answer\n/);
  const failed = await stage(t, {
    hosts: { ...hosts, 'db-1': { state: 'failed', outcome: { exitCode: 100, reason: null } } },
  });
  assert.equal(await failed.patch('scan', '-t', 'all'), 1);
  assert.match(failed.out(), /1 host db-1: failed: failed, exit 100\n/);
});

const spoiled = (more: object) => ({ ...scanOf([]), ...more });
for (const [what, says, why] of [
  ['nothing', '', /it gave no answer/],
  ['words', 'E: Could not get lock', /it is not JSON/],
  ['10 MiB', Buffer.alloc(10 * 1024 * 1024, ' '), /its answer has more than 4 MiB/],
  ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), /it is not JSON/],
  ['a list', [], /it: /],
  ['null', 'null', /it: /],
  ['another version', spoiled({ version: 2 }), /version: /],
  ['a key of every object', '{"__proto__":{"version":1,"pending":[]}}', /cannot be read/],
  ['a key more', spoiled({ more: 1 }), /Unrecognized key/],
  [
    'a key of every object more',
    JSON.stringify(scanOf([])).replace('{', '{"__proto__":{},'),
    /cannot be read/,
  ],
  ['text for a list', spoiled({ pending: 'none' }), /pending: /],
  ['a list that is an object', spoiled({ pending: { length: 1 } }), /pending: /],
  [
    'a name with an escape',
    scanOf([waits('x\u001b]0;owned\u0007', '1')]),
    /pending\.0\.name: expected the name/,
  ],
  ['a name that is an option', scanOf([waits('-oDPkg::Pre-Invoke=x', '1')]), /pending\.0\.name/],
  ['a version with an escape', scanOf([waits('nginx', '1\u009b2J')]), /pending\.0\.to/],
  ['a unit with a line feed', scanOf([], { restarts: ['a\nb'] }), /restarts\.0/],
  ['a package twice', scanOf([NGINX, NGINX]), /pending\.1: names a package twice/],
  ['too many', scanOf(Array.from({ length: 5000 }, (_, n) => waits(`p${n}`, '1'))), /pending: /],
  ['a time that is none', scanOf([waits('a', '1', { sinceMs: 2 ** 52 * 3 })]), /pending\.0\.sinceMs/],
  ['text for a time', scanOf([{ ...NGINX, sinceMs: 'now' as unknown as number }]), /pending\.0\.sinceMs/],
  ['brackets without end', '['.repeat(500_000), /it is not JSON/],
] as const)
  test(`an answer that does not fit is refused with its host's name, and the others stand: ${what}`, async (t) => {
    const { patch, out } = await stage(t, { hosts: { 'web-1': scanOf([NGINX]), 'bad-1': says } });
    assert.equal(await patch('scan', '-t', 'all'), 1);
    const line = out()
      .split('\n')
      .find((text) => text.startsWith('no answer'));
    assert.match(line ?? out(), /1 host bad-1: unreadable: its answer|1 host bad-1: unreadable: it gave/);
    assert.match(line ?? out(), why);
    assert.match(out(), /web-1/);
    assert.doesNotMatch(out(), /[\u001b\u0007\u009b]/);
  });

test('--json gives what each host said, and who said nothing, with the cause', async (t) => {
  const { patch, json } = await stage(t, {
    hosts: { 'web-1': scanOf([OPENSSL]), 'web-2': { state: 'lost', outcome: { reason: 'no word' } } },
  });
  assert.equal(await patch('scan', '-t', 'all', '--json'), 4);
  const { job, totals, hosts, noAnswer } = json();
  assert.equal(job.length, 32);
  assert.deepEqual(totals, {
    ...{ hosts: 1, pending: 1, security: 1, held: 0, waiting: 1, rebootNeeded: 0, restarts: 0, upToDate: 0 },
  });
  const { agent, agentId, ...rest } = hosts[0];
  assert.equal(agent, 'web-1');
  assert.equal(agentId.length, 32);
  assert.deepEqual(rest, { manager: 'apt', pending: [OPENSSL], rebootNeeded: false, restarts: [] });
  const [{ agentId: _, ...silent }] = noAnswer;
  assert.deepEqual(silent, { agent: 'web-2', state: 'lost', code: null, reason: 'no word' });
});

test('ranges in -t are written out, as the tables write them', async (t) => {
  const { patch, asked } = await stage(t, { hosts: { 'web-09': scanOf([]) } });
  await patch('scan', '-t', 'web-[08:10],db-1,!web-[9:9]');
  assert.equal(asked().targets, 'web-08,web-09,web-10,db-1,!web-9');
  assert.equal(await patch('scan', '-t', 'web-[10:1]'), 2);
});

test('nobody is meant by accident', async (t) => {
  const { patch, err, created } = await stage(t, { hosts: {} });
  assert.equal(await patch('scan'), 2);
  assert.match(err(), /nobody is named/);
  assert.equal(created(), undefined);
});
