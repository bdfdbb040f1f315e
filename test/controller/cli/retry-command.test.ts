import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { commandLine } from '../../../controller/cli/command-line.ts';
import { MusterError } from '../../../proto/errors.ts';
import { JOB, target } from './fake-job.ts';
import { oneWell, stage } from './run-stage.ts';

const OTHER = '9a8b7c6d5e4f30213243546576879809';

async function retryStage(t: TestContext, more: Parameters<typeof stage>[1] = {}) {
  const made = await stage(t, {
    events: oneWell(),
    ...more,
    handlers: {
      'jobs.retry': () => ({ job: JOB, targets: [target('web-1')], tasks: ['uname -a'], created: true }),
      'targets.list': () => [target('web-1')],
      ...more.handlers,
    },
  });
  const called = (name: string) => made.api.calls.filter((call) => call.name === name);
  return {
    ...made,
    called,
    retry: (...argv: string[]) => commandLine(['jobs', 'retry', ...argv], made.terminal),
  };
}

test('jobs retry does the job again where it did not succeed, and shows it', async (t) => {
  const { retry, called, terminal } = await retryStage(t);
  assert.equal(await retry(OTHER, '--failed'), 0);
  const [call] = called('jobs.retry');
  assert.deepEqual([call?.params, call?.body], [{ job: OTHER }, {}]);
  assert.match(String(call?.headers['idempotency-key']), /^[0-9a-f]{32}$/);
  assert.equal(terminal.stdout.text(), 'Linux\n');
});

test('jobs retry says which runs, narrows them, and changes how', async (t) => {
  const { retry, called } = await retryStage(t);
  const argv = [
    '--state',
    'lost,expired',
    '-t',
    'web-*',
    '--ttl',
    '2h',
    '--batch',
    '25%',
    '--max-failures',
    '0',
  ];
  assert.equal(await retry(OTHER, ...argv, '--reason', 'again'), 0);
  assert.deepEqual(called('jobs.retry')[0]?.body, {
    ...{ targets: 'web-*', states: 'lost,expired', ttlMs: 7_200_000, batch: '25%', maxFailures: '0' },
    reason: 'again',
  });
});

test('jobs retry --list shows who would be meant, and does nothing', async (t) => {
  const { retry, called, terminal } = await retryStage(t);
  assert.equal(await retry(OTHER, '--failed', '--list'), 0);
  assert.deepEqual(called('targets.list')[0]?.query, { failedOf: OTHER });
  assert.match(terminal.stdout.text(), /web-1 +online/);
  assert.deepEqual(called('jobs.retry'), []);
});

for (const [what, argv, words] of [
  ['neither --failed nor --state', [], /say which runs are meant: --failed, or --state/],
  ['both', ['--failed', '--state', 'lost'], /say which runs are meant/],
  ['a state that is a success', ['--state', 'succeeded'], /"succeeded" is none of failed, timed-out/],
] as const) {
  test(`jobs retry with ${what} is wrong use`, async (t) => {
    const { retry, terminal, api } = await retryStage(t);
    assert.equal(await retry(OTHER, ...argv), 2);
    assert.match(terminal.stderr.text(), words);
    assert.equal(api.connections(), 0);
  });
}

test('a job that the history does not keep whole is refused with what to do', async (t) => {
  const { retry, terminal } = await retryStage(t, {
    handlers: {
      'jobs.retry': () => {
        throw new MusterError('retry-incomplete', 'the standard input of task 1');
      },
    },
  });
  assert.equal(await retry(OTHER, '--failed'), 2);
  assert.match(
    terminal.stderr.text(),
    /run the command again, with --failed-of .*the standard input of task 1/,
  );
});

test('run --failed-of finds the job by the beginning of its id, and is enough to say who is meant', async (t) => {
  const listed = { job: OTHER } as never;
  const { run, created } = await retryStage(t, { handlers: { 'jobs.list': () => [listed] } });
  const pace = ['--batch', '10', '--max-failures', '10%', '--attempts', '3', '--seed', '7'];
  assert.equal(await run('--failed-of', '9a8b7c', ...pace, '--', 'uname'), 0);
  assert.deepEqual(created()?.body, {
    ...{ failedOf: OTHER, seed: 7, attempts: 3, batch: '10', maxFailures: '10%' },
    tasks: [{ command: { argv: ['uname'] } }],
  });
});
