import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Journal } from '../../../agent/spool/journal.ts';
import { signKeyPair } from '../../../proto/crypto.ts';
import { MusterError } from '../../../proto/errors.ts';
import { agentWorld } from '../../support/agent-world.ts';
import { checked, outcomes, refusals, world } from './world.ts';

describe('an order that comes again', () => {
  it('does not start twice, however often it comes, and is answered with its state', async (t) => {
    const at = await world(t);
    const made = at.order();
    for (let i = 0; i < 50; i++) await at.deliver(made);
    assert.equal(at.started.length, 1);
    assert.equal(at.controller.session().of('status').length, 50);
    assert.ok(
      at.controller
        .session()
        .of('status')
        .every((status) => status.state === 'running'),
    );
  });

  it('does not start twice when it comes again while its user is looked up', async (t) => {
    const at = await world(t);
    const lookedUp = Promise.withResolvers<void>();
    at.check = async (spec) => {
      await lookedUp.promise;
      return checked(spec);
    };
    const made = at.order();
    await at.deliver(made);
    await at.deliver(made);
    lookedUp.resolve();
    await at.clock.settle();
    assert.equal(at.started.length, 1);
    assert.deepEqual(refusals(at), []);
  });

  it('is answered with its own signed report once it is over, before and after the receipt', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.deliver(made);
    at.started[0]?.finish();
    await at.clock.settle();
    await at.deliver(made);
    at.controller.giveReceipt();
    await at.clock.settle();
    await at.deliver(made);
    const reports = at.controller.session().of('report');
    assert.equal(reports.length, 3);
    assert.deepEqual(reports[2], reports[0]);
    assert.equal(at.started.length, 1);
  });

  it('is answered with its state when it has expired since it started', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.deliver(made);
    await at.clock.advance(61_000);
    await at.deliver(made);
    assert.deepEqual(refusals(at), []);
    assert.equal(at.controller.session().of('status').at(-1)?.state, 'running');
  });

  it('is not answered by an agent that cannot read what it needs to open it', async (t) => {
    const broken = new Set<string>();
    const journal = new Proxy({} as Journal, {
      get:
        (_, name: keyof Journal) =>
        (...args: unknown[]) => {
          if (broken.has(name)) throw new MusterError('journal-failed', 'disk I/O error');
          return (at.journal[name] as (...args: unknown[]) => unknown)(...args);
        },
    });
    const at = await agentWorld(t, { journal });
    await at.start();
    const made = at.order();
    for (const method of ['epoch', 'forgetFloorMs', 'find', 'isCancelled']) {
      broken.add(method);
      await at.deliver(made);
      broken.clear();
    }
    assert.deepEqual(at.controller.session().of('status'), []);
    await at.deliver(made);
    assert.equal(at.started.length, 1);
  });

  it('is refused when its job id stands for another order', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.deliver(made);
    await at.deliver(at.order({ jobId: made.order.jobId, reason: 'another' }));
    assert.deepEqual(refusals(at), ['job-id-reused']);
    assert.equal(at.started.length, 1);
  });

  it('does not start again in an agent that was killed, but goes on in the next one', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.deliver(made);
    await at.crash();
    await at.deliver(made);
    assert.deepEqual(
      at.started.map(({ resumed }) => resumed !== undefined),
      [false, true],
    );
    assert.equal(at.controller.session().of('status').at(-1)?.state, 'running');
    assert.deepEqual(at.controller.reports(), []);
  });

  it('does not match any more after the journal was lost', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.deliver(made);
    at.journal.renew(new Uint8Array(16).fill(7));
    await at.crash();
    await at.deliver(at.order({ targetsRoot: made.order.targetsRoot }));
    assert.deepEqual(refusals(at), ['not-a-target']);
  });
});

describe('a cancel', () => {
  it('ends a run that is going on', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.deliver(made);
    await at.cancel(made);
    assert.deepEqual(at.started[0]?.causes, ['cancel']);
    assert.deepEqual(outcomes(at), ['cancelled']);
  });

  it('takes a run out of the queue, which then never starts', async (t) => {
    const at = await world(t);
    const all = [at.order(), at.order(), at.order()] as const;
    for (const made of all) await at.deliver(made);
    await at.cancel(all[2]);
    at.started[0]?.finish();
    await at.clock.settle();
    assert.equal(at.started.length, 2);
    assert.deepEqual(outcomes(at), ['cancelled', 'succeeded']);
    assert.equal(at.controller.reports()[0]?.startedAtMs, 0);
  });

  it('that overtakes its order makes the agent refuse that order', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.cancel(made);
    await at.deliver(made);
    assert.equal(at.started.length, 0);
    assert.deepEqual(outcomes(at), ['cancelled order-cancelled']);
  });

  it('that overtakes its order is remembered by the agent that comes after a crash', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.cancel(made);
    await at.crash();
    await at.deliver(made);
    assert.equal(at.started.length, 0);
  });

  it('that comes while the user is looked up keeps the order from starting', async (t) => {
    const at = await world(t);
    const made = at.order();
    at.check = async (spec) => {
      await at.cancel(made);
      return checked(spec);
    };
    await at.deliver(made);
    await at.clock.settle();
    assert.equal(at.started.length, 0);
    assert.deepEqual(outcomes(at), ['cancelled order-cancelled']);
  });

  it('of a run that is over is answered with its report', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.deliver(made);
    at.started[0]?.finish();
    await at.clock.settle();
    await at.cancel(made);
    assert.deepEqual(outcomes(at), ['succeeded', 'succeeded']);
  });

  it('that names another order of this job id changes nothing', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.deliver(made);
    await at.cancel({ ...made, orderHash: new Uint8Array(32) });
    assert.deepEqual(at.started[0]?.causes, []);
  });

  it('that nobody may sign changes nothing', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.deliver(made);
    await at.cancel(made, signKeyPair(new Uint8Array(32).fill(9)));
    assert.deepEqual(at.started[0]?.causes, []);
    assert.ok(at.log.some((line) => line.event === 'cancel refused'));
  });
});
