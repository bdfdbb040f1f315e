import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startFleet, type TestFleet } from '../e2e/fleet.ts';
import { until } from '../support/until.ts';
import { bootAgent } from './agent.ts';
import { HOST_NEEDS, type Host } from './host.ts';

interface Shown {
  runs: {
    state: string;
    reason: string | null;
    tasks: { name: string; state: string; change: string | null; reason: string | null }[];
  }[];
}

const HELLO = `[Service]
ExecStart=/bin/sleep 1000
[Install]
WantedBy=multi-user.target
`;

// They wait more than they work.
describe('a host with systemd', { ...HOST_NEEDS, concurrency: 2 }, () => {
  async function stage(t: { after(fn: () => unknown): void }): Promise<{ fleet: TestFleet; host: Host }> {
    const fleet = await startFleet(t);
    return { fleet, host: await bootAgent(t, fleet, 'h1') };
  }

  async function apply(fleet: TestFleet, tasks: string, ...options: string[]) {
    const file = join(fleet.folder, 'bundle.yaml');
    writeFileSync(file, tasks);
    const { stdout, stderr, status } = await fleet.muster(['apply', '-t', 'h1', '-f', file, ...options]);
    const [job] = await fleet.json<{ job: string }[]>(['jobs', 'ls', '--json', '--limit', '1']);
    const shown = await fleet.json<Shown>(['jobs', 'show', job?.job ?? '', '--json']);
    return { status, said: stdout + stderr, run: shown.runs[0] };
  }

  test('a bundle goes on behind its reboot, once, and the boot ids prove it', async (t) => {
    const { fleet, host } = await stage(t);
    const before = await host.bootId();
    const { status, said, run } = await apply(
      fleet,
      `tasks:
  - { name: before, shell: 'echo before >> /root/oracle' }
  - { name: again, reboot: { timeout: 1m } }
  - { name: after, shell: 'echo after >> /root/oracle; cat /proc/sys/kernel/random/boot_id' }
`,
    );
    assert.equal(status, 0, said);
    const after = await host.bootId();
    assert.notEqual(after, before);
    assert.match(said, new RegExp(after), 'what ran behind it ran after it');
    assert.equal(await host.run(['cat', '/root/oracle']), 'before\nafter\n');
    const reboot = run?.tasks[1];
    assert.deepEqual([reboot?.state, reboot?.change], ['succeeded', 'changed']);
    const proof = new RegExp(`${before.slice(0, 8)}.*${after.slice(0, 8)}`);
    assert.match(reboot?.reason ?? '', proof);
  });

  test('what runs when its agent is restarted goes on, and its output is whole', async (t) => {
    const { fleet, host } = await stage(t);
    const line = 'echo started >> /root/oracle; for i in 1 2 3 4 5 6; do echo $i; sleep 0.5; done';
    const running = fleet.begin(['run', '-t', 'h1', '--shell', line]);
    await until('it runs', () => running.stdout().includes('2'));
    await host.run(['systemctl', 'restart', 'muster-agent']);
    const { stdout, stderr, status } = await running.ended;
    assert.deepEqual([status, stdout], [0, '1\n2\n3\n4\n5\n6\n'], stderr);
    assert.equal(await host.run(['cat', '/root/oracle']), 'started\n');
  });

  test('a service is started and enabled once, and one that fails says why', async (t) => {
    const { fleet, host } = await stage(t);
    await host.write('/etc/systemd/system/hello.service', HELLO);
    await host.write('/etc/systemd/system/broken.service', '[Service]\nType=oneshot\nExecStart=/bin/false\n');
    const hello = 'tasks: [{ service: { unit: hello.service, state: started, enabled: true } }]\n';
    const first = await apply(fleet, hello);
    assert.deepEqual([first.status, first.run?.tasks[0]?.change], [0, 'changed'], first.said);
    assert.equal(await host.run(['systemctl', 'is-active', 'hello']), 'active\n');
    assert.equal(await host.run(['systemctl', 'is-enabled', 'hello']), 'enabled\n');
    const second = await apply(fleet, hello);
    assert.deepEqual([second.status, second.run?.tasks[0]?.change], [0, 'unchanged'], second.said);
    const dry = await apply(
      fleet,
      'tasks: [{ service: { unit: hello.service, state: stopped } }]\n',
      '--check',
    );
    assert.deepEqual([dry.status, dry.run?.tasks[0]?.change], [0, 'would-change'], dry.said);
    assert.equal(await host.run(['systemctl', 'is-active', 'hello']), 'active\n');
    const broken = await apply(fleet, 'tasks: [{ service: { unit: broken.service, state: started } }]\n');
    assert.deepEqual([broken.status, broken.run?.state], [1, 'failed'], broken.said);
    assert.match(broken.said, /broken/);
    const unknown = await apply(fleet, 'tasks: [{ service: { unit: nosuch.service, state: started } }]\n');
    assert.deepEqual([unknown.status, unknown.run?.state], [1, 'failed'], unknown.said);
  });
});
