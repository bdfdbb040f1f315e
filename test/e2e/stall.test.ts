import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { until } from '../support/until.ts';
import { type AgentHandle, lives, startFleet, type TestFleet } from './fleet.ts';

const STALL_MS = 5_000;

interface Presence {
  online: boolean;
  onlineSinceMs: number | null;
}
const presence = (fleet: TestFleet, name: string): Promise<Presence> =>
  fleet.client.call('agents.show', { params: { agent: name } });

const pidOf = (agent: AgentHandle): number => agent.process.child.pid ?? 0;

// They wait more than they work.
describe('standing still', { concurrency: 3 }, () => {
  test('an agent that stands still for 5 s is not called offline, and neither it nor its command loses anything', async (t) => {
    const fleet = await startFleet(t);
    const [still] = await Promise.all([fleet.agent('still'), fleet.agent('other')]);
    const before = await presence(fleet, 'still');
    const line = 'for i in 1 2 3 4 5 6; do echo $i; sleep 0.5; done';
    const running = fleet.begin(['run', '-t', 'still', '--shell', line]);
    await until('it runs', () => running.stdout().includes('2\n'));
    process.kill(pidOf(still), 'SIGSTOP');
    const stalledMs = performance.now();
    const seen: boolean[] = [];
    while (performance.now() - stalledMs < STALL_MS) {
      seen.push((await presence(fleet, 'still')).online);
      const other = await fleet.client.call('jobs.create', {
        body: { targets: 'other', tasks: [{ command: { argv: ['true'] } }] },
      });
      assert.equal(other.targets.length, 1);
      await wait(500);
    }
    process.kill(pidOf(still), 'SIGCONT');
    const { stdout, status } = await running.ended;
    assert.deepEqual([stdout, status], ['1\n2\n3\n4\n5\n6\n', 0]);
    assert.ok(seen.length > 3 && seen.every(Boolean));
    assert.equal((await presence(fleet, 'still')).onlineSinceMs, before.onlineSinceMs);
  });

  test('a controller that stands still for 5 s keeps its agents and its followers, and what ran meanwhile is told', async (t) => {
    const fleet = await startFleet(t);
    await fleet.agent('web-1');
    const before = await presence(fleet, 'web-1');
    const marker = join(fleet.folder, 'ended');
    const line = `echo begins; sleep 1; echo ends; : > ${marker}`;
    const running = fleet.begin(['run', '-t', 'web-1', '--shell', line]);
    await until('it runs', () => running.stdout().includes('begins\n'));
    const stalledMs = performance.now();
    process.kill(fleet.controller.child.pid ?? 0, 'SIGSTOP');
    await until('the command has ended', () => existsSync(marker));
    await wait(Math.max(0, stalledMs + STALL_MS - performance.now()));
    process.kill(fleet.controller.child.pid ?? 0, 'SIGCONT');
    const { stdout, status, stderr } = await running.ended;
    assert.deepEqual([stdout, status], ['begins\nends\n', 0], stderr);
    assert.equal((await presence(fleet, 'web-1')).onlineSinceMs, before.onlineSinceMs);
  });

  test('a command that was stopped is ended by its timeout, and does not hold its agent', async (t) => {
    const fleet = await startFleet(t);
    await fleet.agent('web-1');
    const pidFile = join(fleet.folder, 'pid');
    const line = `echo $$ > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; kill -STOP $$; echo never`;
    const running = fleet.begin(['run', '-t', 'web-1', '--timeout', '1s', '--json', '--shell', line]);
    const pid = await until(
      'it stands still',
      () => existsSync(pidFile) && Number(readFileSync(pidFile, 'utf8')),
    );
    const beside = await fleet.muster(['run', '-t', 'web-1', '--', 'echo', 'beside']);
    assert.equal(beside.stdout, 'beside\n');
    const { stdout, status } = await running.ended;
    assert.equal(status, 1);
    assert.match(stdout, /"state":"timed-out"/);
    assert.doesNotMatch(stdout, /never\\n/);
    assert.equal(lives(pid), false);
  });
});
