import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { StepTask } from '../../../../agent/executor/run.ts';
import { createTurns } from '../../../../agent/executor/tasks/turns.ts';

const COLLECT: StepTask = { kind: 'collect', path: '/etc' };
const REBOOT: StepTask = { kind: 'reboot', timeoutMs: 1, ifNeeded: false };
const never = new AbortController().signal;

test('who wants to be alone waits for what cannot be taken up, and for nothing else', async () => {
  const turns = createTurns();
  const collecting = Promise.withResolvers<void>();
  const rebooting = Promise.withResolvers<void>();
  const steps = [
    turns.during(COLLECT, () => collecting.promise),
    turns.during(REBOOT, () => rebooting.promise),
  ];
  let isAlone = false;
  const alone = turns.alone(never).then((goOn) => {
    isAlone = true;
    return goOn;
  });
  await setImmediate();
  assert.equal(isAlone, false);
  assert.equal(turns.held(COLLECT), undefined, 'nobody is held back by who waits');
  collecting.resolve();
  const goOn = await alone;
  assert.equal(turns.held(REBOOT), undefined);
  const held = turns.held(COLLECT);
  assert.ok(held);
  goOn();
  await held;
  assert.equal(turns.held(COLLECT), undefined);
  rebooting.resolve();
  await Promise.all(steps);
});

test('a step that fails is over too, and who waits may give up', async () => {
  const turns = createTurns();
  await assert.rejects(
    turns.during(COLLECT, () => Promise.reject(new Error('no'))),
    /no/,
  );
  const goOn = await turns.alone(never);
  goOn();
  const collecting = Promise.withResolvers<void>();
  const step = turns.during(COLLECT, () => collecting.promise);
  const stop = new AbortController();
  const waiting = turns.alone(stop.signal);
  stop.abort(new Error('cancelled'));
  await assert.rejects(waiting, /cancelled/);
  collecting.resolve();
  await step;
});
