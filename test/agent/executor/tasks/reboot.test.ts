import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Ending } from '../../../../agent/executor/shim.ts';
import type { StepCommand, StepContext } from '../../../../agent/executor/step.ts';
import { reboot } from '../../../../agent/executor/tasks/reboot.ts';
import { virtualClock } from '../../../support/virtual-clock.ts';
import { checkedOf } from '../machine.ts';

/** A machine that records the order of what is done to it. */
function machineOf(
  options: { ending?: Ending; journal?: Error; check?: boolean; ifNeeded?: boolean; why?: string } = {},
) {
  const clock = virtualClock();
  const calls: string[] = [];
  const ending = new AbortController();
  const context: StepContext = {
    ...checkedOf({ check: options.check ?? false }),
    index: 1,
    signal: ending.signal,
    write: () => {},
    room: async () => {},
    attempt: async () => ({ kind: 'unknown', reason: 'nobody asks' }),
    async command(part: string, { argv }: StepCommand) {
      calls.push(`${part}: ${argv.join(' ')}`);
      return options.ending ?? { kind: 'exited', exitCode: 0 };
    },
    takeUp: async () => undefined,
    async beforeReboot() {
      calls.push('journal');
      if (options.journal) throw options.journal;
    },
  };
  const start = () =>
    reboot(
      { timeoutMs: 60_000, ifNeeded: options.ifNeeded ?? false },
      { clock, rebootCommand: ['down', '-r'], whyReboot: async () => options.why },
      context,
    );
  return { clock, calls, start, end: () => ending.abort() };
}

test('the journal knows of a reboot before the machine goes down', async () => {
  const m = machineOf();
  const rebooting = m.start();
  await m.clock.settle();
  assert.deepEqual(m.calls, ['journal', 'reboot: down -r']);
  await m.clock.advance(59_999);
  assert.equal(m.clock.pending, 1, 'it waits for the machine to go down');
  await m.clock.advance(1);
  assert.deepEqual(await rebooting, {
    state: 'failed',
    code: 'not-rebooted',
    reason: 'the machine was still up 60 s after down was started',
  });
});

test('without a journal the machine stays up', async () => {
  const m = machineOf({ journal: new Error('disk full') });
  await assert.rejects(m.start(), /disk full/);
  assert.deepEqual(m.calls, ['journal']);
});

test('a check does nothing', async () => {
  const m = machineOf({ check: true });
  assert.deepEqual(await m.start(), { state: 'succeeded', change: 'would-change' });
  assert.deepEqual(m.calls, []);
});

test('a program that does not reboot is a failure at once', async () => {
  for (const [ending, reason] of [
    [{ kind: 'exited', exitCode: 1 }, 'the machine was not rebooted: down exited with 1'],
    [
      { kind: 'exited', exitCode: 127, reason: 'command not found: down' },
      'the machine was not rebooted: command not found: down',
    ],
    [{ kind: 'not-started', reason: 'no descriptors' }, 'the machine was not rebooted: no descriptors'],
  ] as const)
    assert.deepEqual(await machineOf({ ending }).start(), { state: 'failed', code: 'not-rebooted', reason });
});

test('a program that the shutdown itself ended is no failure', async () => {
  const m = machineOf({ ending: { kind: 'signalled', signal: 'SIGTERM' } });
  const rebooting = m.start();
  await m.clock.settle();
  assert.equal(m.clock.pending, 1);
  m.end();
  await assert.rejects(rebooting);
  assert.equal(m.clock.pending, 0);
});

test('a machine that wants no reboot stays up, where it is to go down only if needed', async () => {
  for (const check of [false, true]) {
    const m = machineOf({ ifNeeded: true, check });
    assert.deepEqual(await m.start(), {
      ...{ state: 'succeeded', change: 'unchanged' },
      reason: 'the machine does not want a reboot',
    });
    assert.deepEqual(m.calls, []);
  }
});

test('a machine that wants a reboot gets one, and in a check says so', async () => {
  const m = machineOf({ ifNeeded: true, why: 'a new kernel' });
  const rebooting = m.start();
  await m.clock.settle();
  assert.deepEqual(m.calls, ['journal', 'reboot: down -r']);
  m.end();
  await assert.rejects(rebooting);
  const checked = machineOf({ ifNeeded: true, why: 'a new kernel', check: true });
  assert.deepEqual(await checked.start(), { state: 'succeeded', change: 'would-change' });
  assert.deepEqual(checked.calls, []);
});
