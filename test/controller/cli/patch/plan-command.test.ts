import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readPlan } from '../../../../controller/cli/patch/plan-file.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { FLEET, MADE_AT, NGINX, packagePlan, planned } from './fake-plan.ts';
import { stage } from './patch-stage.ts';

const WEB = packagePlan([NGINX, planned('tzdata', '2024a', '2024b', { arch: 'all' })], {
  restarts: ['nginx.service'],
});
const range = (count: number): string[] =>
  Array.from({ length: count }, (_, n) => `web-${String(n + 1).padStart(3, '0')}`);

test('a plan groups hosts with the same transaction, and keeps exactly it in a file that only its owner reads', async (t) => {
  const file = join(temporaryFolder(t), 'plan.json');
  const turned = { ...WEB, changes: [...WEB.changes].reverse() };
  const { patch, asked, out, err } = await stage(t, {
    hosts: {
      ...{ 'web-1': WEB, 'web-2': turned, 'web-3': WEB, 'ns-1': packagePlan([]) },
      'db-1': packagePlan([planned('kernel', '6.1', '6.2', { wayBack: false })], { wantsReboot: true }),
      'db-2': { state: 'expired', outcome: { reason: 'offline' } },
    },
  });
  const argv = ['-t', 'all', '--security', '--only', 'nginx,tzdata', '--exclude', 'libc6', '-o', file];
  assert.equal(await patch('plan', ...argv), 4);
  assert.deepEqual(asked().tasks, [
    { packages: { action: 'plan', names: ['nginx', 'tzdata'], exclude: ['libc6'], security: true } },
  ]);
  assert.equal(
    out(),
    `3 hosts web-[1:3]: 2 packages, 1 of security, 2 KiB to download, restarts nginx.service
  nginx   1.22.1-9 → 1.22.1-9+deb12u1  (security)
  tzdata  2024a → 2024b
1 host db-1: 1 package, 1000 B to download, reboot, no way back
  kernel  6.1 → 6.2  (no way back)
nothing to do  1 host ns-1
left out  1 host db-2: expired: offline
4 hosts in 2 groups, 6.8 KiB to download in all, 1 host to reboot, 1 host without a way back, 1 with nothing to do, 1 left out
`,
  );
  const plan = await readPlan(file);
  assert.deepEqual(
    plan.groups.map(({ hosts }) => hosts.map(({ name }) => name)),
    [['web-1', 'web-2', 'web-3'], ['db-1']],
  );
  assert.deepEqual([plan.fleetId, plan.madeAtMs, plan.by], [FLEET, MADE_AT, 'kim']);
  assert.deepEqual(
    [plan.asked.targets, plan.nothing, plan.leftOut],
    ['all', ['ns-1'], [{ name: 'db-2', why: 'expired: offline' }]],
  );
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.match(err(), new RegExp(`digest ${plan.digest.slice(0, 12)}`));
  const again = await stage(t, { hosts: {} });
  assert.equal(await again.patch('show', file), 0);
  assert.equal(again.out(), out());
});

test('a file that is there is not replaced without --force, and no host is asked', async (t) => {
  const file = join(temporaryFolder(t), 'plan.json');
  writeFileSync(file, 'mine');
  const { patch, created, err } = await stage(t, { hosts: { 'web-1': WEB } });
  assert.equal(await patch('plan', '-t', 'all', '-o', file), 2);
  assert.match(err(), /--force replaces it/);
  assert.equal(created(), undefined);
  assert.equal(readFileSync(file, 'utf8'), 'mine');
  assert.equal(await patch('plan', '-t', 'all', '-o', file, '--force'), 0);
  assert.equal((await readPlan(file)).groups.length, 1);
});

test('a host that would lose a package is left out unless that is allowed', async (t) => {
  const hosts = { 'web-1': packagePlan([NGINX, planned('libold', '1', '')]), 'web-2': WEB };
  const kept = await stage(t, { hosts });
  assert.equal(await kept.patch('plan', '-t', 'all'), 1);
  assert.match(kept.out(), /left out {2}1 host web-1: it would remove libold, and --allow-removals does not/);
  for (const allow of [['--allow-removals', 'libold'], ['--allow-removals']]) {
    const allowed = await stage(t, { hosts });
    assert.equal(await allowed.patch('plan', '-t', 'all', ...allow), 0);
    assert.match(allowed.out(), /libold +1 → removed +\(removal\)/);
  }
  const other = await stage(t, { hosts });
  assert.equal(await other.patch('plan', '-t', 'all', '--allow-removals', 'libnew'), 1);
});

test('300 hosts with 40 kinds of transaction fit on a screen, and so do 300 that are all different', async (t) => {
  for (const kinds of [1, 5, 40, 300]) {
    const hosts = Object.fromEntries(
      range(300).map((name, n) => [
        name,
        packagePlan(Array.from({ length: 30 }, (_, p) => planned(`p${p}`, '1', `${2 + (n % kinds)}`))),
      ]),
    );
    const { patch, out } = await stage(t, { hosts });
    assert.equal(await patch('plan', '-t', 'all'), 0);
    const lines = out().trimEnd().split('\n').length;
    assert.ok(lines <= 42, `${kinds} kinds: ${lines} lines`);
    assert.match(out(), /300 hosts in/);
  }
});

test('--packages says which hosts get which package', async (t) => {
  const { patch, out } = await stage(t, { hosts: { 'web-1': WEB, 'web-2': packagePlan([NGINX]) } });
  assert.equal(await patch('plan', '-t', 'all', '--packages'), 0);
  assert.match(out(), /nginx +1\.22\.1-9 +1\.22\.1-9\+deb12u1 +2 +security +web-1,web-2\n/);
});

test('--json is the plan as it is in the file', async (t) => {
  const file = join(temporaryFolder(t), 'plan.json');
  const { patch, json } = await stage(t, { hosts: { 'web-1': WEB } });
  assert.equal(await patch('plan', '-t', 'all', '-o', file, '--json'), 0);
  assert.deepEqual(json(), await readPlan(file));
});

for (const name of [
  '-o DPkg::Pre-Invoke=x',
  'x;reboot',
  '../x.deb',
  '$(id)',
  'nginx=1.0',
  '',
  'a b',
  'x\u001b[2J',
])
  for (const flag of ['--only', '--exclude', '--allow-removals'])
    test(`${flag}=${JSON.stringify(name)} is refused here, and no host hears of it`, async (t) => {
      const { patch, created, err } = await stage(t, { hosts: { 'web-1': WEB } });
      assert.equal(await patch('plan', '-t', 'all', `${flag}=${name}`), 2);
      assert.equal(created(), undefined);
      assert.doesNotMatch(err(), /\u001b/);
    });

for (const [what, says, why] of [
  ['from and to alike', packagePlan([planned('a', '1', '1')]), /changes\.0: from and to are the same/],
  ['an option for a version', packagePlan([planned('a', '1', '-oX')]), /changes\.0\.to/],
  ['text for a size', { ...WEB, downloadBytes: '1' }, /downloadBytes/],
  ['less than nothing', { ...WEB, downloadBytes: -1 }, /downloadBytes/],
  ['a key of every object', JSON.stringify(WEB).replace('{', '{"__proto__":{},'), /cannot be read/],
] as const)
  test(`a host whose answer does not fit is in no plan, and is named: ${what}`, async (t) => {
    const file = join(temporaryFolder(t), 'plan.json');
    const { patch } = await stage(t, { hosts: { 'web-1': WEB, 'bad-1': says } });
    assert.equal(await patch('plan', '-t', 'all', '-o', file), 1);
    const { groups, leftOut } = await readPlan(file);
    assert.deepEqual(
      groups.flatMap(({ hosts }) => hosts.map(({ name }) => name)),
      ['web-1'],
    );
    assert.equal(leftOut[0]?.name, 'bad-1');
    assert.match(leftOut[0]?.why ?? '', why);
  });

test('hold and unhold name packages, and nothing else', async (t) => {
  const held = await stage(t, { hosts: { 'db-1': '' } });
  assert.equal(await held.patch('hold', '-t', 'db-1', 'postgresql-16'), 0);
  assert.deepEqual(held.asked().tasks, [{ packages: { action: 'hold', names: ['postgresql-16'] } }]);
  assert.equal(await held.patch('unhold', '-t', 'db-1', '--', '-oX'), 2);
});
