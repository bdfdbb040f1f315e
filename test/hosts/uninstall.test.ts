import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LAYOUT } from '../../controller/installer/remote/layout.ts';
import { installStage } from '../controller/installer/install-stage.ts';
import { shellConnection } from '../support/shell-connection.ts';
import { until } from '../support/until.ts';
import { bootHost, HOST_NEEDS, type Host } from './host.ts';

const PLACES = [
  ...[LAYOUT.program, LAYOUT.command, LAYOUT.home, LAYOUT.settings.debian, LAYOUT.systemdUnit],
  '/etc/systemd/system/multi-user.target.wants/muster-agent.service',
];

/** A booted host with an agent as an installer leaves one. */
async function installed(t: { after(fn: () => unknown): void }, name: string) {
  const [host, { install, fleet }] = await Promise.all([
    bootHost(t, name, { '/usr/local/bin/node': process.execPath }),
    installStage(t),
  ]);
  const connect = async () => shellConnection(t, await host.entry());
  const { failure } = await install(connect, { entry: { name }, settings: { service: 'auto' } });
  assert.equal(failure, undefined, failure?.message);
  return { host, fleet };
}

const left = (host: Host): Promise<string> =>
  host.run([
    'sh',
    '-c',
    'for path; do [ -e "$path" ] || [ -L "$path" ] && echo "$path"; done; true',
    'sh',
    ...PLACES,
  ]);

async function gone(host: Host): Promise<void> {
  await until('nothing of the agent is left', async () => (await left(host)) === '', 30_000);
  const running = await host.run(['sh', '-c', 'cat /proc/[0-9]*/cmdline']);
  assert.ok(!running.includes(LAYOUT.program), running);
  assert.match(
    await host.run([
      'sh',
      '-c',
      'systemctl is-active muster-agent; systemctl list-units --failed --plain --no-legend; true',
    ]),
    /^inactive\n$/,
  );
}

describe('a host with systemd', { ...HOST_NEEDS, concurrency: 2 }, () => {
  test('removes its agent when it is told to over the link, and refuses while a job is at work', async (t) => {
    const { host, fleet } = await installed(t, 'h1');
    const running = fleet.begin(['run', '-t', 'h1', '--', 'sleep', '1000']);
    await until('it runs', async () => {
      const [job] = await fleet.json<{ job: string }[]>(['jobs', 'ls', '--json']);
      if (!job) return false;
      const { runs } = await fleet.json<{ runs: { state: string }[] }>([
        'jobs',
        'show',
        job?.job ?? '',
        '--json',
      ]);
      return runs[0]?.state === 'running';
    });
    const refused = await fleet.muster(['uninstall', '-t', 'h1', '--yes']);
    assert.equal(refused.status, 1);
    assert.match(refused.stdout + refused.stderr, /another job is at work here/);
    const [job] = await fleet.json<{ job: string }[]>(['jobs', 'ls', '--json', '--state', 'running']);
    await fleet.muster(['jobs', 'cancel', job?.job ?? '']);
    await running.ended;

    const done = await fleet.muster(['uninstall', '-t', 'h1', '--yes']);
    assert.equal(done.status, 0, done.stdout + done.stderr);
    await until(
      'it is out of the fleet',
      async () => (await fleet.client.call('agents.list', { query: {} })).length === 0,
    );
    await gone(host);
    const shown = await fleet.muster(['jobs', 'show', job?.job ?? '']);
    assert.match(shown.stdout, /h1/, 'its history stays');
  });

  test('goes on with a removal that a power cut interrupted, and keeps the policy where that was asked', async (t) => {
    const { host } = await installed(t, 'h2');
    await host.write(`${LAYOUT.home}/policy.json`, '{"deny":["reboot"]}');
    // As after the first of its steps.
    await host.run(['systemctl', 'stop', LAYOUT.service]);
    await host.run(['sh', '-c', `echo keep policy > ${LAYOUT.removing}; rm ${LAYOUT.home}/identity.json`]);
    await host.run(['systemctl', 'start', LAYOUT.service]);
    await until('only the policy is left', async () => (await left(host)) === `${LAYOUT.home}\n`, 30_000);
    assert.equal(await host.run(['ls', '-A', LAYOUT.home]), 'policy.json\n');
  });
});
