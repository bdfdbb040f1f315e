import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import type { HostFailure } from '../../../../controller/installer/failure.ts';
import { answersIn } from '../../../../controller/installer/ssh/answer.ts';
import { rootShell } from '../../../../controller/installer/ssh/root-shell.ts';
import { virtualClock } from '../../../support/virtual-clock.ts';

/** A root shell whose far end writes what and when the test says. */
function stage() {
  const clock = virtualClock();
  const over = new AbortController();
  const [stdout, stderr] = [new EventEmitter(), new EventEmitter()];
  const shell = rootShell(
    {
      ...{ out: answersIn(stdout, over.signal), err: answersIn(stderr, over.signal), gone: over.signal },
      ...{ write: (_, taken) => taken?.(), end: () => {} },
    },
    { clock, random: (length) => new Uint8Array(length), fail: (failure) => over.abort(failure) },
  );
  return { clock, stdout, shell };
}

test('a host that says a little now and then, and comes to no end, is given up', async () => {
  const { clock, stdout, shell } = stage();
  let failure: HostFailure | undefined;
  shell.run('true', { silenceMs: 60_000 }).catch((error) => {
    failure = error;
  });
  for (let minute = 0; minute < 25 && !failure; minute += 1) {
    await clock.advance(50_000);
    stdout.emit('data', Buffer.from('.'));
  }
  assert.equal(failure?.because, 'silent');
  assert.match(failure?.detail ?? '', /no end of its answer within 1200 s/);
});

test('one that takes what is sent, however slowly, is waited for', async () => {
  const { clock, shell } = stage();
  let failure: HostFailure | undefined;
  let sent = 0;
  async function* slowly() {
    for (; sent < 40; sent += 1) {
      yield Buffer.alloc(10);
      await clock.advance(50_000);
    }
  }
  void shell.run('cat', { silenceMs: 60_000, input: slowly() }).catch((error) => {
    failure = error;
  });
  for (let round = 0; round < 5_000 && sent < 40 && !failure; round += 1) await new Promise(setImmediate);
  assert.deepEqual([sent, failure], [40, undefined]);
});
