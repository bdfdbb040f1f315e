import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type CgroupMount, findCgroups, parseCgroupMounts } from '../../../agent/executor/cgroup.ts';
import { identify } from '../../../agent/executor/proc.ts';
import { fixture, machine, shell, survivors, until, written } from './machine.ts';

const V2 = '35 25 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n';
const HYBRID = `31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
`;

test('the cgroups of a process are found in either version, or both, the best first', () => {
  assert.deepEqual(parseCgroupMounts(V2, '0::/system.slice/muster-agent.service\n'), [
    { kind: 'cgroup2', folder: '/sys/fs/cgroup/system.slice/muster-agent.service', freezer: true },
  ]);
  const own = '9:name=systemd:/init.scope\n6:freezer:/\n1:cpu:/x\n';
  assert.deepEqual(
    parseCgroupMounts(HYBRID, own).map(({ folder, freezer }) => [folder, freezer]),
    [
      ['/sys/fs/cgroup/freezer', true],
      ['/sys/fs/cgroup/cpu/x', false],
      ['/sys/fs/cgroup/systemd/init.scope', false],
    ],
  );
  const both = `${HYBRID}41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n`;
  assert.equal(parseCgroupMounts(both, `${own}0::/a\n`)[0]?.folder, '/sys/fs/cgroup/unified/a');
  // A container that sees part of the tree.
  const part = '35 25 0:30 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n';
  assert.equal(parseCgroupMounts(part, '0::/docker/abc/x\n')[0]?.folder, '/sys/fs/cgroup/x');
  assert.deepEqual(parseCgroupMounts('nonsense\n', '0::/\n'), []);
  assert.deepEqual(parseCgroupMounts(V2, ''), []);
});

test('where no cgroup can be made there is none', () => {
  const folder = '/proc/self/no-such';
  assert.equal(findCgroups('test', [{ kind: 'cgroup2', folder, freezer: true }]), undefined);
  assert.equal(findCgroups('test', []), undefined);
});

const OWN = parseCgroupMounts(
  readFileSync('/proc/self/mountinfo', 'utf8'),
  readFileSync('/proc/self/cgroup', 'utf8'),
);

for (const kind of ['cgroup2', 'cgroup1'] as const) {
  const mount = OWN.find((one) => one.kind === kind);
  const probe = mount && findCgroups(`test-${process.pid}`, [mount]);
  probe?.leave();
  const canUse = probe !== undefined;
  const skip = canUse ? {} : { skip: `needs a ${kind} that this process may write to` };
  if (mount && canUse) tests(mount);
  else test(`what a run starts is kept together by ${kind}`, skip, () => {});
}

function tests(mount: CgroupMount): void {
  const { kind } = mount;
  const find = (test: string) => findCgroups(`${test}-${process.pid}`, [mount]);
  const inCgroups = async (t: TestContext, test: string) => {
    const cgroups = find(test);
    const made = await machine(t, { cgroups });
    // By then the machine has ended all that was in them.
    t.after(() =>
      until(() => {
        cgroups?.leave();
        return !existsSync(join(mount.folder, `muster-${test}-${process.pid}`));
      }, 'nothing is left of them'),
    );
    return made;
  };

  test(`${kind}: a process that left session, parents and environment before anybody looked is ended`, async (t) => {
    const m = await inCgroups(t, 'leaves');
    const file = join(m.folder, 'pid');
    const line = `env -i PATH="$PATH" setsid sh -c 'sleep 300 & echo $! > ${file}.tmp; mv ${file}.tmp ${file}' & echo up; sleep 300`;
    const { run } = await m.start(shell(line), { killGraceMs: 200 });
    await written(run, 'up\n');
    await until(() => existsSync(file), 'it is away');
    const pid = Number(readFileSync(file, 'utf8'));
    t.after(() => kill(pid));
    assert.ok(identify(pid));
    run.terminate('cancel');
    const result = await run.done;
    assert.equal(result.state, 'cancelled');
    assert.deepEqual(result.leftover, []);
    assert.equal(isThere(pid), false);
  });

  test(`${kind}: whatever ignores TERM, stops itself or forks all the time is ended whole`, async (t) => {
    const m = await inCgroups(t, 'stays');
    for (const program of ['escapes.sh', 'stopped.sh', 'forks.sh']) {
      const { run, jobId } = await m.start(fixture(program, '400'), { killGraceMs: 100 });
      await written(run, 'ready\n');
      run.terminate('cancel');
      const result = await run.done;
      assert.deepEqual(result.leftover, [], program);
      assert.deepEqual(survivors(jobId), [], program);
    }
  });

  test(`${kind}: a cgroup goes when nobody is in it, and at the latest with the next agent`, async (t) => {
    const m = await inCgroups(t, 'daemon');
    const base = join(mount.folder, `muster-daemon-${process.pid}`);
    const { run } = await m.carryOut(shell('true'));
    await run.dispose();
    const file = join(m.folder, 'pid');
    const daemon = await m.carryOut(shell(`setsid sleep 300 >/dev/null 2>&1 & echo $! > ${file}`));
    await daemon.run.dispose();
    const pid = Number(readFileSync(file, 'utf8'));
    t.after(() => kill(pid));
    assert.equal(daemon.result.state, 'succeeded');
    assert.ok(isThere(pid), 'what a command leaves behind on purpose lives');
    await m.pool.stop();
    await until(() => cgroupsOf(base).length === 1, 'only that of the daemon is left');
    kill(pid);
    await until(() => !isThere(pid), 'it is gone');
    find('daemon')?.leave();
    assert.equal(existsSync(base), false);
  });
}

function cgroupsOf(base: string): string[] {
  return readdirSync(base, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

function isThere(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {}
}
