import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { WaitingReply } from '../../../controller/api/contract.ts';
import { MusterError } from '../../../proto/errors.ts';
import { until } from '../../support/until.ts';
import type { FakeCall, Handlers } from './fake-api.ts';
import { agentId, script } from './fake-job.ts';
import { type Stage, stage } from './run-stage.ts';

const NOW = 1_700_000_000_000;

const reply = (...runs: Partial<WaitingReply['runs'][number]>[]): WaitingReply => ({
  ...{ nowMs: NOW, expiresAtMs: NOW + 60_000, total: runs.length },
  runs: runs.map((run) => ({
    ...{ agent: 'web-1', agentId: agentId(run.agent ?? 'web-1'), state: 'running', attempt: 1, task: 0 },
    ...{ turnAtMs: 1, sendByMs: null, online: true, lastSeenMs: NOW, wordAtMs: NOW, sentAtMs: NOW },
    ...run,
  })),
});

/** `muster run` on a job that goes on until `finish`. */
async function following(
  t: TestContext,
  waiting: () => WaitingReply | Promise<WaitingReply>,
  more: Partial<Stage> = {},
) {
  const end = Promise.withResolvers<void>();
  const told = script().created().output('web-1', 'x\n').state('web-1', 'running');
  const shown = told.events.length;
  const handlers: Handlers = {
    async *'jobs.events'(_: FakeCall) {
      yield* told.events.slice(0, shown);
      await end.promise;
      yield* told.state('web-1', 'succeeded', {}).state('db-1', 'succeeded', {}).over().events.slice(shown);
    },
    'jobs.waiting': waiting,
  };
  const set = await stage(t, { targets: ['web-1', 'db-1'], handlers, ...more });
  const status = set.run('-t', 'web-1,db-1', 'sleep', '60');
  await until('output', () => set.terminal.stdout.text() !== '');
  const { clock } = set.terminal;
  const asked = () => set.api.calls.filter(({ name }) => name === 'jobs.waiting').length;
  /** Lets time pass until the controller was asked once more, and its answer is here. */
  const askedAfter = async (ms: number, text: () => string) => {
    const [before, shownBefore] = [asked(), text()];
    await clock.advance(ms);
    await until('the question', () => asked() > before);
    await until('the answer', async () => {
      await clock.advance(0);
      return text() !== shownBefore;
    });
  };
  const finish = async () => {
    end.resolve();
    assert.equal(await status, 0);
    assert.equal(clock.pending, 0);
  };
  return { ...set, clock, asked, askedAfter, finish };
}

test('where no terminal is, a line every half minute names whom it waits for and since when', async (t) => {
  const { terminal, asked, askedAfter, clock, finish } = await following(t, () =>
    reply(
      { agent: 'web-1', wordAtMs: NOW - 29_000 },
      { agent: 'db-1', state: 'queued', online: false, lastSeenMs: NOW - 7_200_000 },
    ),
  );
  await clock.advance(29_900);
  assert.equal(asked(), 0);
  assert.equal(terminal.stderr.text(), '');
  await askedAfter(200, terminal.stderr.text);
  const line =
    'muster: 0/2 done · waiting for 2: web-1 (running, silent 29 s), db-1 (offline for 2h, expires in 1m)\n';
  assert.equal(terminal.stderr.text(), line);
  await askedAfter(30_000, terminal.stderr.text);
  assert.equal(terminal.stderr.text(), line + line);
  await finish();
});

test('at a terminal the line is drawn again and again, in place', async (t) => {
  const more = { terminal: true, env: { NO_COLOR: '' } };
  const { terminal, askedAfter, clock, finish } = await following(
    t,
    () => reply({ agent: 'db-1', state: 'queued', online: false, lastSeenMs: NOW - 7_200_000 }),
    more,
  );
  await askedAfter(1000, terminal.stderr.text);
  await clock.advance(1000);
  assert.match(
    terminal.stderr.text(),
    /\r\x1b\[K[^\n]*waiting for 2: [^\n]*db-1 \(offline for 2h, expires in/,
  );
  await finish();
});

test('a command that is over at once asks nobody', async (t) => {
  const { asked, finish } = await following(t, () => reply());
  await finish();
  assert.equal(asked(), 0);
});

test('a controller that does not answer the question is no reason to end, and nothing is claimed of presence', async (t) => {
  const { terminal, askedAfter, finish } = await following(t, () => {
    throw new MusterError('internal');
  });
  await askedAfter(30_000, terminal.stderr.text);
  assert.match(
    terminal.stderr.text(),
    /^muster: 0\/2 done · waiting for 2: (db-1 \(queued, silent 30 s\), web-1 \(running, silent 30 s\)|web-1 .*)\n$/,
  );
  await finish();
});

test('a controller that stands still is not waited for: the line comes all the same', async (t) => {
  const { terminal, asked, clock, finish } = await following(t, () => new Promise(() => {}));
  await clock.advance(30_000);
  await until('the question', () => asked() === 1);
  assert.equal(terminal.stderr.text(), '');
  await clock.advance(10_000);
  await until('the line', () => terminal.stderr.text() !== '');
  assert.match(terminal.stderr.text(), /^muster: 0\/2 done · waiting for 2: /);
  await finish();
});
