import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LAYOUT } from '../../controller/installer/remote/layout.ts';
import { installStage } from '../controller/installer/install-stage.ts';
import { stage } from '../controller/installer/ssh/stage.ts';
import type { TestFleet } from '../e2e/fleet.ts';
import { shellConnection } from '../support/shell-connection.ts';
import { until } from '../support/until.ts';
import { bootHost, HOST_NEEDS } from './host.ts';
import { difference, filesOf } from './leftovers.ts';
import { SSHD_NEEDS } from './sshd.ts';

type Test = { after(fn: () => unknown): void };

interface Installed {
  readonly fleet: TestFleet;
  run(argv: readonly string[]): Promise<string>;
  /** What is there that was not before the agent came. */
  left(): Promise<string[]>;
}

/** A host with this init system, and an agent on it as an installer leaves one. */
async function installed(t: Test, service: 'systemd' | 'none', name: string): Promise<Installed> {
  const on = stage(t);
  const binds = { '/usr/local/bin/node': process.execPath };
  const [host, { install, fleet }] = await Promise.all([
    service === 'systemd' ? bootHost(t, name, binds) : on.hosts.start({ name, node: true }),
    installStage(t),
  ]);
  const before = await filesOf(host);
  const connect = async () => shellConnection(t, await host.entry());
  const { failure } = await install(connect, { entry: { name }, settings: { service } });
  assert.equal(failure, undefined, failure?.message);
  return { fleet, run: host.run, left: async () => difference(before, await filesOf(host)) };
}

async function gone({ left, run }: Installed): Promise<void> {
  await until('nothing of it is left', async () => (await left()).length === 0, 30_000).catch(async () => {
    assert.deepEqual(await left(), []);
  });
  // The script itself ends a moment after its last act.
  await until(
    'none of its processes is left',
    async () => !(await run(['sh', '-c', 'cat /proc/[0-9]*/cmdline'])).includes(LAYOUT.program),
  );
}

async function uninstalled({ fleet }: Installed, name: string, ...more: string[]): Promise<void> {
  const { status, stdout, stderr } = await fleet.muster(['uninstall', '-t', name, '--yes', ...more]);
  assert.equal(status, 0, stdout + stderr);
  await until(
    'it is out of the fleet',
    async () => (await fleet.client.call('agents.list', { query: {} })).length === 0,
  );
}

describe('a host with systemd', { ...HOST_NEEDS, concurrency: 2 }, () => {
  test('removes its agent when it is told to over the link, and refuses while a job is at work', async (t) => {
    const host = await installed(t, 'systemd', 'h1');
    const { fleet } = host;
    const running = fleet.begin(['run', '-t', 'h1', '--', 'sleep', '1000']);
    const job = await until('it runs', async () => {
      const [latest] = await fleet.client.call('jobs.list', { query: { limit: 1 } });
      const { runs } = await fleet.client.call('jobs.show', { params: { job: latest?.job ?? '' } });
      return runs[0]?.state === 'running' && latest?.title === 'sleep 1000' && latest.job;
    });
    const refused = await fleet.muster(['uninstall', '-t', 'h1', '--yes']);
    assert.equal(refused.status, 1);
    assert.match(
      refused.stdout + refused.stderr,
      new RegExp(`another job is at work here: ${job.slice(0, 12)}`),
    );
    await fleet.muster(['jobs', 'cancel', job]);
    await running.ended;

    await uninstalled(host, 'h1');
    await gone(host);
    const known = ['systemctl', 'list-unit-files', '--no-legend', 'muster*'];
    assert.equal(await host.run(['sh', '-c', '"$@" || true', 'sh', ...known]), '');
    // Of the others one may have failed as the machine came up.
    assert.equal(await host.run(['systemctl', 'list-units', '--failed', '--no-legend', 'muster*']), '');
    assert.match((await fleet.muster(['jobs', 'show', job])).stdout, /h1/, 'its history stays');
  });

  test('goes on with a removal that a power cut interrupted, and keeps the policy where that was asked', async (t) => {
    const host = await installed(t, 'systemd', 'h2');
    const policy = `${LAYOUT.home}/policy.json`;
    // As after the first of its steps.
    await host.run(['systemctl', 'stop', LAYOUT.service]);
    await host.run([
      'sh',
      '-c',
      `echo '{"deny":["reboot"]}' > ${policy}; : > ${LAYOUT.removing}; : > ${LAYOUT.removing}-keep`,
    ]);
    await host.run(['rm', `${LAYOUT.home}/identity.json`]);
    await host.run(['systemctl', 'start', LAYOUT.service]);
    await until('only the policy is left', async () => (await host.left()).length === 2, 30_000);
    assert.deepEqual(await host.left(), [`+${LAYOUT.home}`, `+${policy}`]);
  });
});

describe('a host without a service manager', { ...SSHD_NEEDS }, () => {
  test('removes its agent, and what starts it again, when it is told to over the link', async (t) => {
    const host = await installed(t, 'none', 'h3');
    await uninstalled(host, 'h3');
    await gone(host);
  });
});
