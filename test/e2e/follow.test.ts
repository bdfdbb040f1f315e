import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../support/until.ts';
import { lines, startFleet } from './fleet.ts';

/** Writes its numbers, one each time that the file grows, so that nothing depends on how fast this machine is. */
const COUNTING = (gate: string): string =>
  `i=0; while [ $i -lt 6 ]; do i=$((i+1)); until [ -e ${gate}$i ]; do sleep 0.05; done; echo line $i; done`;
const ALL = [1, 2, 3, 4, 5, 6].map((i) => `line ${i}\n`).join('');

test('a controller that is killed in the middle is followed again by run and by logs -f, each line once', async (t) => {
  const fleet = await startFleet(t);
  await fleet.agent('web-1');
  const gate = join(fleet.folder, 'gate');
  const open = (upTo: number): void => {
    for (let i = 1; i <= upTo; i += 1) writeFileSync(`${gate}${i}`, '');
  };
  const run = fleet.begin(['run', '-t', 'web-1', '--shell', COUNTING(gate)]);
  open(2);
  await until('the second line', () => run.stdout().includes('line 2\n'));
  const [{ job }] = await fleet.json<[{ job: string }]>(['jobs', '--json']);
  const logs = fleet.begin(['jobs', 'logs', '-f', job.slice(0, 12), '--json']);
  await until('logs has it too', () => logs.stdout().includes('line 2'));

  await fleet.stopController('SIGKILL');
  // It goes on without a controller; what it writes arrives afterwards.
  open(4);
  for (const follower of [run, logs])
    await until('it says that the controller is away', () =>
      follower.stderr().includes('the connection to the controller broke; the job goes on'),
    );
  await fleet.startController();
  open(6);
  const [ran, told] = await Promise.all([run.ended, logs.ended]);
  assert.deepEqual([ran.stdout, ran.status], [ALL, 0]);
  assert.match(ran.stderr, /connected to the controller again/);
  assert.equal(told.status, 0);
  const events = lines<{ event: string; text?: string; state?: string }>(told.stdout);
  assert.equal(events.map(({ text = '' }) => text).join(''), ALL);
  assert.deepEqual(
    events.filter(({ event }) => event !== 'output').map(({ event, state }) => [event, state]),
    [
      ['outcome', 'succeeded'],
      ['summary', undefined],
    ],
  );
});

test('Ctrl-C says who is still running; left alone the job goes on and is come back to, a second one cancels it', async (t) => {
  const fleet = await startFleet(t);
  await fleet.agent('web-1');
  const gate = join(fleet.folder, 'gate');
  const left = fleet.begin(['run', '-t', 'web-1', '--shell', `echo here; ${COUNTING(gate)}`]);
  await until('it runs', () => left.stdout() !== '');
  left.child.kill('SIGINT');
  await until('who is still running', () => /waiting for 1: web-1 \(running/.test(left.stderr()));
  const { status, stderr } = await left.ended;
  assert.equal(status, 130);
  const [, back = ''] = /Come back with "muster (jobs logs -f [0-9a-f]+)"/.exec(stderr) ?? [];
  const again = fleet.begin(back.split(' '));
  for (let i = 1; i <= 6; i += 1) writeFileSync(`${gate}${i}`, '');
  assert.deepEqual([(await again.ended).stdout, (await again.ended).status], [`here\n${ALL}`, 0]);

  const cancelled = fleet.begin(['run', '-t', 'web-1', '--shell', 'echo here; sleep 600']);
  await until('it runs', () => cancelled.stdout() !== '');
  cancelled.child.kill('SIGINT');
  await until('the question', () => cancelled.stderr().includes('Ctrl-C again'));
  cancelled.child.kill('SIGINT');
  assert.equal((await cancelled.ended).status, 1);
  assert.match(cancelled.stderr(), /cancelling on 1 host.*\n(.*\n)*web-1: cancelled/);
});

test('a bundle is carried out up to the first task that fails, and each task is told on every screen', async (t) => {
  const fleet = await startFleet(t);
  await fleet.agent('web-1');
  await fleet.agent('web-2');
  const motd = join(fleet.folder, 'motd');
  const made = join(fleet.folder, 'made');
  const file = join(fleet.folder, 'bundle.yaml');
  const bundle = `name: web tier
tasks:
  - name: say
    shell: echo hello
  - name: the motd
    file: { path: ${motd}, content: "hi\\n", mode: "0640" }
  - name: guarded
    shell: echo never
    creates: ${motd}
  - name: breaks
    shell: echo oops >&2; exit 3
  - name: after
    file: { path: ${made}, content: x }
`;
  writeFileSync(file, bundle);
  const check = await fleet.muster(['apply', '-t', 'web-1', '-f', file, '--check', '--json']);
  assert.equal(check.status, 0);
  const [would] = lines<{ event: string; change?: string; tasks?: { name: string; change: string }[] }>(
    check.stdout,
  ).filter(({ event }) => event === 'outcome');
  assert.equal(would?.change, 'would-change');
  assert.equal(would.tasks?.find(({ name }) => name === 'the motd')?.change, 'would-change');

  // One after the other: both agents of this machine write the same file.
  const applied = await fleet.muster(['apply', '-t', 'web-*', '-f', '-', '--batch', '1'], { input: bundle });
  assert.equal(applied.status, 1);
  assert.match(applied.stderr, / {2}task 1\/5 say: 2 succeeded\n/);
  assert.match(applied.stderr, / {2}task 3\/5 guarded: 2 unchanged\n/);
  assert.match(applied.stderr, / {2}task 4\/5 breaks: 2 failed \(web-[12],web-[12]\)\n/);
  assert.match(applied.stderr, / {2}task 5\/5 after: 2 skipped\n/);

  const [{ job, title }] = await fleet.json<[{ job: string; title: string }]>(['jobs', '--json']);
  assert.equal(title, 'web tier');
  const shown = await fleet.muster(['jobs', 'show', job, '--agent', 'web-1']);
  assert.match(shown.stdout, / {2}task 4\/5 breaks: failed, exit 3 in /);
  const output = (...more: string[]) => fleet.muster(['jobs', 'output', job, 'web-1', ...more]);
  assert.equal((await output('--task', '1')).stdout, 'hello\n');
  assert.equal((await output('--task', '4')).stdout, 'oops\n');
  assert.equal((await output('--task', '3')).stdout, '');
});
