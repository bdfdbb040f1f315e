import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RolloutDetail } from '../../../../controller/api/contract.ts';
import { plain } from '../../../../controller/cli/output/paint.ts';
import { createBoard } from '../../../../controller/cli/rollout/board.ts';
import { renderBoard } from '../../../../controller/cli/rollout/board-view.ts';
import { stage } from '../command-stage.ts';
import type { Handlers } from '../fake-api.ts';
import { stream } from '../fake-job.ts';
import {
  AT,
  detailOf,
  event,
  hostEvent,
  hostOf,
  NO_GATE,
  ROLLOUT,
  streamOf,
  waveOf,
} from './fake-rollout.ts';

const STOPPED = detailOf(
  [hostOf('web-1', 'reverted', { code: 'probe-failed', reason: 'no answer' }), hostOf('web-2', 'waiting')],
  {
    ...{ state: 'stopped', reason: '1 host failed, and 0 may: web-1 (no answer)', seq: 9 },
  },
);

test('one that stands stopped says why, who failed and what can be done, and ends with status 1', async (t) => {
  const { muster, err, api } = await stage(t, { 'rollouts.show': () => STOPPED, 'rollouts.list': () => [] });
  assert.equal(await muster('rollout', 'watch', ROLLOUT), 1);
  assert.match(err(), /stopped: 0 of 2 done; 1 host failed, and 0 may: web-1/);
  assert.match(err(), /1 host reverted \(probe-failed: no answer\): web-1/);
  for (const verb of ['resume', 'rollback', 'abort', 'report'])
    assert.match(err(), new RegExp(`muster rollout ${verb} 0123456789ab`));
  assert.equal(
    api.calls.some(({ name }) => name === 'rollouts.events'),
    false,
    'and nothing is waited for',
  );
});

test('bringing back what was asked to be brought back is a success, and no other watch of it is', async (t) => {
  const back = detailOf([hostOf('web-1', 'reverted')], { state: 'rolled-back', seq: 2 });
  const handlers = (detail: typeof back): Handlers => ({
    'rollouts.rollback': () => detail,
    'rollouts.show': () => detail,
    'rollouts.events': () => stream(streamOf([])),
  });
  const { muster } = await stage(t, handlers(back));
  assert.equal(await muster('rollout', 'rollback', ROLLOUT, '--watch'), 0);
  assert.equal(await muster('rollout', 'watch', ROLLOUT), 1);
  const partly = detailOf([hostOf('web-1', 'reverted'), hostOf('web-2', 'done')], {
    ...{ state: 'rolled-back', reason: 'not brought back: web-2', seq: 2 },
  });
  const other = await stage(t, handlers(partly));
  assert.equal(await other.muster('rollout', 'rollback', ROLLOUT, '--watch'), 1);
});

test('as JSON each event is a line, with a summary at the end', async (t) => {
  const { muster, out } = await stage(t, {
    'rollouts.show': () => detailOf([hostOf('web-1', 'done')], { state: 'succeeded', seq: 3 }),
    'rollouts.events': () =>
      stream(
        streamOf([
          event(1, { what: 'created', by: 'kim', wave: null }),
          hostEvent(2, 'web-1', 'change'),
          hostEvent(3, 'web-1', 'done'),
        ]),
      ),
  });
  assert.equal(await muster('rollout', 'watch', ROLLOUT, '--json'), 0);
  const lines = out()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.map(({ event: what, to }) => [what, to]),
    [
      ['created', ''],
      ['host', 'change'],
      ['host', 'done'],
      ['summary', undefined],
    ],
  );
  assert.deepEqual(lines.at(-1).counts, { done: 1 });
});

test('leaving one changes nothing of it, and says how to come back', async (t) => {
  const { muster, err, terminal } = await stage(t, {
    'rollouts.show': () => detailOf([hostOf('web-1', 'change')]),
    async *'rollouts.events'() {
      yield 'retry: 2000\n\n';
      yield* streamOf([hostEvent(2, 'web-1', 'check')], { over: false });
      terminal.pressCtrlC();
      await new Promise(() => {});
    },
  });
  assert.equal(await muster('rollout', 'watch', ROLLOUT), 130);
  assert.match(err(), /it goes on without you\. Come back with "muster rollout watch 0123456789ab"/);
});

test('what a host says cannot move the cursor', async (t) => {
  const evil = detailOf([hostOf('web-1', 'failed', { reason: '\u001b[2Jgone\nmuster: all well' })], {
    state: 'stopped',
    reason: 'x\u001b[31m',
    seq: 2,
  });
  const { muster, err, out } = await stage(t, { 'rollouts.show': () => evil });
  assert.equal(await muster('rollout', 'watch', ROLLOUT), 1);
  assert.equal(await muster('rollout', 'show', ROLLOUT), 0);
  assert.doesNotMatch(err() + out(), /\u001b/);
  assert.doesNotMatch(err() + out(), /^muster: all well/m);
});

test('the board fits its rows and columns, whatever the rollout is', () => {
  const names = Array.from(
    { length: 500 },
    (_, index) => `a-host-with-a-long-name-${index}.of.a.long.domain.example`,
  );
  const hosts = names.map((name, index) =>
    hostOf(name, index < 200 ? 'change' : index < 260 ? 'failed' : 'waiting', {
      wave: index % 40,
      reason: `cause ${index}`,
    }),
  );
  const waveDetails = Array.from({ length: 40 }, (_, index) =>
    waveOf(index, { hosts: 12, state: index < 3 ? 'passed' : 'waiting', gate: { ...NO_GATE, soakMs: 1 } }),
  );
  const board = createBoard(detailOf(hosts, { waveDetails }));
  for (const rows of [3, 5, 10, 24, 60])
    for (const columns of [20, 80, 200]) {
      const lines = renderBoard(board, AT, { rows, columns }, plain).split('\n');
      assert.ok(lines.length < rows || rows <= 3, `${lines.length} lines in ${rows}`);
      for (const line of lines) assert.ok([...line].length <= columns, line);
    }
});

test('a board goes on with events as its detail would say it', () => {
  const board = createBoard(detailOf([hostOf('web-1', 'waiting'), hostOf('web-2', 'waiting')]));
  board.apply(hostEvent(2, 'web-1', 'change'));
  board.apply(hostEvent(3, 'web-1', 'reverted', 'no answer'));
  board.apply(hostEvent(3, 'web-2', 'done'));
  board.apply(event(4, { what: 'state', to: 'stopped', wave: null, reason: 'why' }));
  const { counts, state, reason, seq }: RolloutDetail = board.detail();
  assert.deepEqual(
    { counts, state, reason, seq },
    { counts: { waiting: 1, reverted: 1, change: 0 }, state: 'stopped', reason: 'why', seq: 4 },
  );
  assert.deepEqual(
    board.unsuccessful().map(({ agent }) => agent),
    ['web-1'],
  );
});

test('what an operator says of one is answered with where it is then, and what can be done next', async (t) => {
  const summary = (state: RolloutDetail['state']) => {
    const {
      seq: _,
      nowMs: __,
      waveDetails,
      hostDetails,
      ...rest
    } = detailOf([hostOf('web-1', 'waiting')], { state });
    return rest;
  };
  const { muster, out, api } = await stage(t, {
    'rollouts.pause': () => summary('paused'),
    'rollouts.abort': () => summary('aborted'),
    'rollouts.approve': () => summary('running'),
  });
  assert.equal(await muster('rollout', 'pause', ROLLOUT, '--reason', 'slow'), 0);
  assert.match(out(), /is paused: 1 waiting\n {2}muster rollout resume \S+ +go on\n {2}muster rollout watch/);
  assert.equal(await muster('rollout', 'abort', ROLLOUT, '--cancel'), 0);
  assert.match(out(), /is aborted: 1 waiting\n {2}muster rollout report 0123456789ab\n$/);
  assert.equal(await muster('rollout', 'approve', ROLLOUT, '--wave', '2'), 0);
  assert.deepEqual(
    api.calls.map(({ name, body }) => [name, body]),
    [
      ['rollouts.pause', { reason: 'slow' }],
      ['rollouts.abort', { cancel: true }],
      // People count from 1.
      ['rollouts.approve', { wave: 1 }],
    ],
  );
});
