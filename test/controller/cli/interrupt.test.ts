import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Action, ASKED_MS, watchInterrupts } from '../../../controller/cli/interrupt.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

function keyboard() {
  const clock = virtualClock();
  const actions: Action[] = [];
  const listeners = new Set<() => void>();
  const stop = watchInterrupts({
    clock,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    act: (action) => actions.push(action),
  });
  const press = (): void => {
    for (const listener of listeners) listener();
  };
  return { clock, actions, stop, listeners, press };
}

test('the first Ctrl-C only shows the state; after three seconds the command leaves', async () => {
  const { clock, actions, press, stop } = keyboard();
  press();
  assert.deepEqual(actions, ['show-state']);
  await clock.advance(ASKED_MS - 1);
  assert.deepEqual(actions, ['show-state']);
  await clock.advance(1);
  assert.deepEqual(actions, ['show-state', 'detach']);
  stop();
});

test('a second Ctrl-C within three seconds cancels, and nothing leaves by itself then', async () => {
  const { clock, actions, press, stop } = keyboard();
  press();
  await clock.advance(ASKED_MS - 1);
  press();
  await clock.advance(60_000);
  assert.deepEqual(actions, ['show-state', 'cancel']);
  stop();
});

test('a third Ctrl-C leaves while the job is being cancelled, and a fourth does nothing', async () => {
  const { clock, actions, press, stop } = keyboard();
  for (let i = 0; i < 4; i += 1) press();
  await clock.advance(60_000);
  assert.deepEqual(actions, ['show-state', 'cancel', 'detach']);
  stop();
});

test('after the three seconds a Ctrl-C cancels nothing any more', async () => {
  const { clock, actions, press, stop } = keyboard();
  press();
  await clock.advance(ASKED_MS);
  press();
  assert.deepEqual(actions, ['show-state', 'detach']);
  stop();
});

test('a job that ends meanwhile leaves no timer and no listener behind', () => {
  const { clock, listeners, press, stop } = keyboard();
  press();
  stop();
  assert.equal(clock.pending, 0);
  assert.equal(listeners.size, 0);
});
