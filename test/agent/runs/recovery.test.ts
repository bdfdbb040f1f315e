import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parsePolicy } from '../../../agent/bundle/policy.ts';
import { recoveryOf } from '../../../agent/runs/recovery.ts';
import type { OrderRow } from '../../../agent/spool/journal.ts';
import { jobOf, outputOf } from '../../support/agent-world.ts';
import { failing, outcomes, world } from './world.ts';

const ROW: OrderRow = {
  jobId: '00112233445566778899aabbccddeeff',
  orderHash: new Uint8Array(32),
  expiresAtMs: 10_000,
  state: 'running',
  attempt: 1,
  tasks: 1,
  startedAtMs: 1_000,
  startedUptimeMs: 500,
  bootId: 'one',
  reportSeq: 0,
  resumeAt: 0,
};
const FOUND = { bootId: 'one', nowMs: 4_000, uptimeMs: 3_400, hasBegun: true };

describe('what becomes of a run whose agent died', () => {
  it('is decided by the boot, by what was begun, and counts time in the same boot by its uptime', () => {
    const goesOn = { is: 'goes-on', restarted: false, elapsedMs: 2_900 };
    assert.deepEqual(recoveryOf(ROW, FOUND), goesOn);
    assert.deepEqual(recoveryOf({ ...ROW, state: 'accepted' }, FOUND), { is: 'waits' });
    assert.deepEqual(recoveryOf(ROW, { ...FOUND, hasBegun: false }), { is: 'waits' });
    assert.deepEqual(recoveryOf({ ...ROW, resumeAt: 1 }, { ...FOUND, hasBegun: false }), goesOn);
    const other = { is: 'goes-on', restarted: true, elapsedMs: 3_000 };
    assert.deepEqual(recoveryOf(ROW, { ...FOUND, bootId: 'two', hasBegun: false }), other);
    assert.deepEqual(
      recoveryOf(ROW, { ...FOUND, uptimeMs: 499 }),
      other,
      'a machine that does not tell its boot id',
    );
    assert.deepEqual(recoveryOf(ROW, { ...FOUND, bootId: 'two', nowMs: 0 }), { ...other, elapsedMs: 0 });
  });
});

describe('an agent that comes after one that was killed', () => {
  it('takes up what ran, with the time that it has had, and reports its real outcome', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.deliver(made);
    await at.clock.advance(7_000);
    await at.crash();
    const [first, second] = at.started;
    assert.equal(second?.resumed?.restarted, false);
    assert.equal(second?.beginning.elapsedMs, 7_000);
    assert.equal(second?.beginning.startedAtMs, first?.beginning.startedAtMs);
    assert.deepEqual(second?.spec, first?.spec);
    second?.write('stdout', 'late');
    second?.finish({ state: 'failed', reason: 'exit status 3' });
    await at.clock.settle();
    assert.deepEqual(outcomes(at), ['failed']);
    assert.equal(outputOf(at.controller.session().of('output'), made).toString(), 'late');
    assert.equal(second?.disposed, true);
  });

  it('lets what waited wait on, starts it once when its turn comes, and never after it expired', async (t) => {
    const at = await world(t);
    const waiting = [at.order(), at.order(), at.order({ expiresAtMs: at.clock.now() + 30_000 }), at.order()];
    for (const made of waiting) await at.deliver(made);
    await at.crash();
    assert.equal(at.started.length, 4, 'two taken up, none started');
    await at.clock.advance(30_000);
    assert.deepEqual(outcomes(at), ['expired order-expired']);
    at.started[2]?.finish();
    await at.clock.settle();
    const last = at.started[4];
    assert.equal(last?.resumed, undefined);
    assert.equal(last?.spec.jobId, jobOf(waiting[3] as never));
    await at.crash();
    assert.equal(
      at.started.filter(({ spec, resumed }) => spec.jobId === last?.spec.jobId && !resumed).length,
      1,
    );
  });

  it('starts what its journal calls running and nothing of which had begun, unless it expired meanwhile', async (t) => {
    const at = await world(t);
    const made = [at.order(), at.order({ expiresAtMs: at.clock.now() + 5_000 })];
    for (const one of made) await at.deliver(one);
    at.started.length = 0;
    at.controller.behaviour.unreachable = true;
    await at.crash();
    assert.equal(at.started.length, 0, 'without a session nobody knows the time');
    await at.clock.advance(6_000);
    at.controller.behaviour.unreachable = false;
    await at.clock.advance(60_000);
    assert.deepEqual(
      at.started.map(({ spec, resumed }) => [spec.jobId, resumed]),
      [[jobOf(made[0] as never), undefined]],
    );
    assert.deepEqual(outcomes(at), ['expired order-expired']);
  });

  it('does not start what waited in a journal that is an older copy, and says that it may have been started', async (t) => {
    const at = await world(t);
    for (let i = 0; i < 3; i++) await at.deliver(at.order());
    const epoch = at.journal.epoch();
    at.controller.behaviour.receipt = { epoch, reportSeq: 5, chain: new Uint8Array(32).fill(1) };
    await at.crash();
    assert.notDeepEqual(at.journal.epoch(), epoch);
    at.controller.behaviour.receipt = undefined;
    await at.clock.advance(60_000);
    for (const run of at.started.slice(2)) run.finish();
    await at.clock.settle();
    assert.equal(at.started.length, 4, 'two taken up, none started');
    assert.ok(outcomes(at).includes('interrupted'));
  });

  it('starts what waited only after the controller has said how far it holds the reports', async (t) => {
    const at = await world(t);
    for (let i = 0; i < 3; i++) await at.deliver(at.order());
    const ready = Promise.withResolvers<void>();
    at.controller.behaviour.beforeReady = ready.promise;
    await at.crash();
    at.started[2]?.finish();
    await at.clock.settle();
    assert.equal(at.started.length, 4, 'the time is known, the receipt is not');
    ready.resolve();
    await at.clock.settle();
    assert.equal(at.started.length, 5);
  });

  it('says interrupted of what went with the last boot of its machine, and what waited then still waits', async (t) => {
    const at = await world(t);
    for (let i = 0; i < 3; i++) await at.deliver(at.order());
    await at.crash({ bootId: 'boot-2' });
    await at.clock.settle();
    assert.deepEqual(outcomes(at), ['interrupted', 'interrupted']);
    assert.equal(at.started.at(-1)?.resumed, undefined);
    assert.equal(at.started.length, 5);
  });

  it('goes on with a cancel that its predecessor did not bring to its end', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.deliver(made);
    const [first] = at.started;
    assert.ok(first);
    first.terminate = (cause) => void first.causes.push(cause);
    await at.cancel(made);
    assert.deepEqual(outcomes(at), []);
    await at.crash();
    assert.deepEqual(at.started[1]?.causes, ['cancel']);
    assert.deepEqual(outcomes(at), ['cancelled']);
  });

  it('starts nothing that waited and that the policy denies by now', async (t) => {
    const at = await world(t);
    for (let i = 0; i < 3; i++) await at.deliver(at.order());
    await at.crash({ policy: parsePolicy('{"deny": ["command"]}') });
    assert.equal(at.started.length, 4, 'what ran is taken up');
    at.started[2]?.finish();
    await at.clock.settle();
    assert.equal(at.started.length, 4);
    assert.deepEqual(outcomes(at), ['succeeded', 'rejected policy-denied']);
  });

  it('erases an order once its run is over', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.deliver(made);
    assert.ok(at.journal.work(jobOf(made)));
    at.started[0]?.finish();
    await at.clock.settle();
    assert.equal(at.journal.work(jobOf(made)), undefined);
  });

  it('goes on behind a reboot in the new boot, once, with the time that was left', async (t) => {
    const at = await world(t);
    await at.deliver(at.order());
    at.started[0]?.beginning.awaitReboot(1);
    await at.clock.advance(10_000);
    await at.crash();
    assert.deepEqual([at.started[1]?.resumed?.restarted, at.started[1]?.resumed?.resumeAt], [false, 1]);
    await at.crash({ bootId: 'boot-2' });
    const run = at.started[2];
    assert.deepEqual([run?.resumed?.restarted, run?.resumed?.resumeAt], [true, 1]);
    assert.equal(run?.beginning.elapsedMs, 10_000);
    run?.resumed?.goOn();
    await at.clock.advance(1_000);
    await at.crash({ bootId: 'boot-2' });
    const again = at.started[3];
    assert.deepEqual([again?.resumed?.restarted, again?.resumed?.resumeAt], [false, 0]);
    assert.equal(again?.beginning.elapsedMs, 11_000);
  });
});

describe('an order that may be tried again', () => {
  const SAFE = { retry: { policy: 'safe', attempts: 2 } };

  it('is attempted once more after an interruption, no more often than it says, and each attempt is reported', async (t) => {
    const at = await world(t);
    await at.deliver(at.order(SAFE));
    at.started[0]?.finish({ state: 'interrupted', reason: 'gone' });
    await at.clock.settle();
    assert.equal(at.started[1]?.spec.attempt, 2);
    await at.crash();
    assert.equal(at.started[2]?.spec.attempt, 2);
    at.started[2]?.finish({ state: 'interrupted', reason: 'gone again' });
    await at.clock.settle();
    assert.equal(at.started.length, 3);
    const told = new Map(at.controller.reports().map((report) => [report.reportSeq, report]));
    assert.deepEqual(
      [...told.values()].map(({ attempt, state }) => [attempt, state]),
      [
        [1, 'interrupted'],
        [2, 'interrupted'],
      ],
    );
  });

  it('is not by default, nor after a failure, nor after a cancel', async (t) => {
    const at = await world(t);
    await at.deliver(at.order());
    at.started[0]?.finish({ state: 'interrupted' });
    await at.clock.settle();
    await at.deliver(at.order(SAFE));
    at.started[1]?.finish({ state: 'failed' });
    await at.clock.settle();
    const made = at.order(SAFE);
    await at.deliver(made);
    const run = at.started[2];
    assert.ok(run);
    run.terminate = () => run.finish({ state: 'interrupted' });
    await at.cancel(made);
    assert.equal(at.started.length, 3);
    assert.deepEqual(outcomes(at), ['interrupted', 'failed', 'interrupted']);
  });

  it('is not where the change was taken back, lest it is made again', async (t) => {
    const at = await world(t);
    await at.deliver(at.order(SAFE));
    const task = { index: 0, state: 'interrupted', durationMs: 1, outputFrom: 0, outputTo: 0 } as const;
    at.started[0]?.finish({ state: 'interrupted', tasks: [{ ...task, code: 'undone' }] });
    await at.clock.settle();
    assert.equal(at.started.length, 1);
    assert.deepEqual(outcomes(at), ['interrupted']);
  });

  it('is not when the cancel comes while the end of the first attempt is written down', async (t) => {
    const at = await world(t);
    const made = at.order(SAFE);
    await at.deliver(made);
    const disk = failing(at, 'conclude');
    at.started[0]?.finish({ state: 'interrupted', reason: 'gone' });
    await at.clock.settle();
    await at.cancel(made);
    disk.mend();
    await at.clock.advance(60_000);
    assert.equal(at.started.length, 1);
    assert.deepEqual(outcomes(at), ['interrupted', 'interrupted']);
  });

  it('is not after it expired, and the attempt that was interrupted stays what happened', async (t) => {
    const at = await world(t);
    const made = at.order({ ...SAFE, expiresAtMs: at.clock.now() + 5_000 });
    await at.deliver(made);
    at.controller.behaviour.unreachable = true;
    await at.crash({ bootId: 'boot-2' });
    await at.clock.advance(6_000);
    at.controller.behaviour.unreachable = false;
    await at.clock.advance(60_000);
    assert.equal(at.started.length, 2);
    assert.deepEqual(
      at.controller.reports().map(({ attempt, state, reason }) => [attempt, state, reason]),
      [
        [1, 'interrupted', 'the machine restarted'],
        [
          2,
          'interrupted',
          'attempt 1 was interrupted; attempt 2 was not started: it was not started in time',
        ],
      ],
    );
  });

  it('starts attempt two only once that is in the journal', async (t) => {
    const at = await world(t);
    await at.deliver(at.order(SAFE));
    const { conclude } = at.journal;
    at.journal.conclude = () => {
      throw new Error('disk full');
    };
    at.started[0]?.finish({ state: 'interrupted' });
    await at.clock.advance(5_000);
    assert.equal(at.started.length, 1);
    at.journal.conclude = conclude;
    await at.clock.advance(60_000);
    assert.equal(at.started.length, 2);
    assert.equal(at.journal.find(at.started[1]?.spec.jobId ?? '')?.attempt, 2);
  });
});
