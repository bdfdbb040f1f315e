import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { RunSpec, Task } from '../../../../agent/executor/run.ts';
import { createSteps } from '../../../../agent/executor/tasks/steps.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { machine, shell } from '../machine.ts';
import { taskPorts } from './machine.ts';

const PATH = `${join(import.meta.dirname, 'fixtures')}:/usr/bin:/bin`;
const SYSTEMD = ['/run/systemd/system'];

/** A machine with the made-up systemctl of fixtures/, and a unit whose files say what it is. */
async function world(t: TestContext, unit: Record<string, string> = {}, directories = SYSTEMD) {
  const m = await machine(t, { steps: createSteps(taskPorts({}, directories)), spares: 1 });
  const folder = temporaryFolder(t);
  for (const [name, content] of Object.entries(unit)) writeFileSync(join(folder, name), `${content}\n`);
  return {
    calls: () =>
      existsSync(join(folder, 'calls')) ? readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n') : [],
    async bring(state: string, enabled = '', more: Partial<RunSpec> = {}, before: Task[] = []) {
      const task: Task = { kind: 'service', unit: 'web', state, enabled };
      const env = { UNIT: folder, PATH };
      const { result, stdout, stderr } = await m.carryOut([...before, task], { env, ...more });
      const { state: ended, change, reason } = result.tasks.at(-1) ?? {};
      return { state: ended, change, reason, stdout, stderr };
    },
  };
}

test('a service is started and enabled once, and then unchanged', async (t) => {
  const w = await world(t);
  const check = await w.bring('started', 'yes', { check: true });
  assert.deepEqual(
    [check.change, check.stdout, w.calls()],
    ['would-change', 'web: would change: enabled, started (was inactive (dead))\n', []],
  );
  const first = await w.bring('started', 'yes');
  assert.deepEqual(
    [first.state, first.change, first.stdout, first.stderr],
    ['succeeded', 'changed', 'web: enabled, started (was inactive (dead))\n', 'Created symlink\n'],
  );
  const second = await w.bring('started', 'yes');
  assert.deepEqual([second.change, second.stdout, w.calls()], ['unchanged', '', ['enable', 'start']]);
});

test('a restart is a change every time, and reads new unit files first', async (t) => {
  const w = await world(t, { active: 'active', instance: '1', stale: 'yes' });
  assert.equal((await w.bring('restarted')).change, 'changed');
  assert.equal((await w.bring('restarted')).change, 'changed');
  assert.deepEqual(w.calls(), ['daemon-reload', 'restart', 'restart']);
});

test('a service that ends just after it was started has failed, with its last words in the output', async (t) => {
  const w = await world(t, { start: 'echo failed > next; echo exit-code > result' });
  const { state, reason, stdout } = await w.bring('started');
  assert.equal(state, 'failed');
  assert.equal(reason, 'web: it is failed (dead), exit-code');
  assert.match(stdout, /^web: its last words:\ncannot open the config \(.*--unit=web\)\n$/);
});

test('a start that the init system refuses fails with what it said', async (t) => {
  const w = await world(t, { start: 'echo inactive > active; echo "Job for web failed" >&2; exit 1' });
  const { state, reason, stderr } = await w.bring('started');
  assert.deepEqual([state, reason, stderr], ['failed', 'web: it is inactive (dead)', 'Job for web failed\n']);
});

test('a service that nobody knows fails, but in a check behind a task that may bring it', async (t) => {
  const w = await world(t, { load: 'not-found' });
  assert.equal((await w.bring('started')).reason, 'web: systemd does not know it');
  assert.equal((await w.bring('started', '', { check: true })).state, 'failed');
  const behind = await w.bring('started', '', { check: true }, [shell('install web')]);
  assert.deepEqual([behind.state, behind.change], ['succeeded', 'would-change']);
});

test('a machine without an init system that is known says so', async (t) => {
  const w = await world(t, {}, []);
  assert.equal((await w.bring('started')).reason, 'neither systemd nor OpenRC runs on this machine');
});

test('a machine whose systemctl is gone says so', async (t) => {
  const w = await world(t);
  const { state, reason } = await w.bring('started', '', { env: { PATH: '/nowhere' } });
  assert.deepEqual([state, reason], ['failed', 'command not found: systemctl']);
});

test('a cancel ends a start that does not end', async (t) => {
  const w = await world(t, { start: 'sleep 60' });
  const { state } = await w.bring('started', '', { timeoutMs: 700, killGraceMs: 100 });
  assert.equal(state, 'timed-out');
});
