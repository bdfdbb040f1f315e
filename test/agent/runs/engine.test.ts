import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parsePolicy } from '../../../agent/bundle/policy.ts';
import { signKeyPair } from '../../../proto/crypto.ts';
import { keyId } from '../../../proto/frame.ts';
import { trustKey } from '../../support/fake-controller.ts';
import { checked, failing, outcomes, refusals, world } from './world.ts';

describe('the queue', () => {
  it('runs as many as there are places, says that the others are accepted, and starts them in turn', async (t) => {
    const at = await world(t);
    for (let i = 0; i < 4; i++) await at.deliver(at.order({ reason: `${i}` }));
    const states = () =>
      at.controller
        .session()
        .of('status')
        .map((status) => status.state);
    assert.deepEqual(states(), ['running', 'running', 'accepted', 'accepted']);
    at.started[1]?.finish();
    await at.clock.settle();
    assert.equal(at.started.length, 3);
    assert.deepEqual(states().slice(4), ['running']);
  });

  it('lets nothing start after it expired', async (t) => {
    const at = await world(t);
    await at.deliver(at.order({ expiresAtMs: at.clock.now() + 600_000 }));
    await at.deliver(at.order({ expiresAtMs: at.clock.now() + 600_000 }));
    await at.deliver(at.order({ expiresAtMs: at.clock.now() + 5_000 }));
    await at.clock.advance(4_999);
    assert.deepEqual(outcomes(at), []);
    await at.clock.advance(1);
    assert.deepEqual(outcomes(at), ['expired order-expired']);
    at.started[0]?.finish();
    await at.clock.settle();
    assert.equal(at.started.length, 2);
  });

  it('counts the time of a suspended host, whatever the wall clock says', async (t) => {
    const at = await world(t);
    for (let i = 0; i < 3; i++) await at.deliver(at.order());
    at.clock.suspend(60_000);
    at.clock.stepWall(-365 * 86_400_000);
    at.started[0]?.finish();
    await at.clock.settle();
    assert.equal(at.started.length, 2);
    assert.deepEqual(outcomes(at).sort(), ['expired order-expired', 'succeeded']);
  });

  it('rejects what waits when its signer is revoked', async (t) => {
    const at = await world(t);
    const other = signKeyPair(new Uint8Array(32).fill(6));
    const keys = [trustKey(at.controller.key), trustKey(other)];
    at.controller.session().send('trust', at.controller.addTrust({ keys }));
    await at.deliver(at.order());
    await at.deliver(at.order());
    await at.deliver(at.order({}, [{ role: 'controller', key: other }]));
    const revoked = [keyId('controller', other.publicKey)];
    at.controller.session().send('trust', at.controller.addTrust({ keys, revoked }));
    await at.clock.settle();
    at.started[0]?.finish();
    await at.clock.settle();
    assert.equal(at.started.length, 2);
    assert.deepEqual(outcomes(at), ['succeeded', 'rejected signer-revoked']);
  });
});

describe('a disk that takes nothing', () => {
  it('starts nothing and says that the journal failed', async (t) => {
    const at = await world(t);
    const disk = failing(at, 'accept', 'start', 'conclude');
    const made = at.order();
    await at.deliver(made);
    assert.deepEqual(refusals(at), ['journal-failed']);
    assert.equal(at.started.length, 0);
    disk.mend();
    await at.deliver(made);
    assert.equal(at.started.length, 1);
  });

  it('keeps the real reason of a rejection whose report it cannot write', async (t) => {
    const at = await world(t, { policy: parsePolicy('{"deny": ["command"]}') });
    failing(at, 'conclude');
    await at.deliver(at.order());
    assert.deepEqual(refusals(at), ['policy-denied']);
    assert.deepEqual(outcomes(at), []);
  });

  it('holds the report of a run that did happen until the disk takes it', async (t) => {
    const at = await world(t);
    await at.deliver(at.order());
    const disk = failing(at, 'conclude');
    at.started[0]?.finish();
    await at.clock.advance(5_000);
    assert.deepEqual(outcomes(at), []);
    disk.mend();
    await at.clock.advance(60_000);
    assert.deepEqual(outcomes(at), ['succeeded']);
  });

  it('lets a waiting run wait on, and starts it when the disk takes it', async (t) => {
    const at = await world(t);
    for (let i = 0; i < 3; i++) await at.deliver(at.order());
    const disk = failing(at, 'start');
    at.started[0]?.finish();
    await at.clock.settle();
    assert.equal(at.started.length, 2);
    disk.mend();
    await at.clock.advance(5_000);
    assert.equal(at.started.length, 3);
  });
});

describe('a disk that gives nothing back', () => {
  it('makes the agent say nothing of an order that may have run', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.deliver(made);
    const before = at.controller.session().frames.length;
    const disk = failing(at, 'find', 'findByHash', 'report', 'forgetFloorMs');
    await at.deliver(made);
    await at.deliver(at.order());
    assert.equal(at.controller.session().frames.length, before);
    assert.equal(at.started.length, 1);
    disk.mend();
    await at.deliver(made);
    assert.equal(at.controller.session().of('status').at(-1)?.state, 'running');
  });

  it('does not end the session over a receipt, nor lose a report', async (t) => {
    const at = await world(t);
    await at.deliver(at.order());
    const disk = failing(at, 'receipt', 'reportAfter');
    at.started[0]?.finish();
    await at.clock.settle();
    assert.deepEqual(outcomes(at), []);
    disk.mend();
    const receipts = failing(at, 'receipt');
    await at.clock.advance(5_000);
    assert.deepEqual(outcomes(at), ['succeeded']);
    at.controller.giveReceipt();
    await at.clock.settle();
    assert.equal(at.controller.session().isClosed, false);
    receipts.mend();
  });

  it('does not keep the agent from dialling again', async (t) => {
    const at = await world(t);
    await at.deliver(at.order());
    at.started[0]?.finish();
    await at.clock.settle();
    at.controller.behaviour.receipt = { epoch: at.journal.epoch(), reportSeq: 1, chain: new Uint8Array(32) };
    const disk = failing(at, 'report');
    at.controller.session().link.cut();
    await at.clock.advance(60_000);
    assert.ok(at.controller.sessions.length > 2);
    disk.mend();
    at.controller.behaviour.receipt = undefined;
    await at.clock.advance(60_000);
    assert.equal(at.controller.session().isClosed, false);
  });
});

describe('the end of a run', () => {
  it('is found by the next agent in what the run left behind', async (t) => {
    const at = await world(t);
    await at.deliver(at.order());
    await at.crash();
    assert.deepEqual(outcomes(at), []);
    at.started[1]?.finish({ state: 'failed', reason: 'of its own' });
    await at.clock.settle();
    const [report] = at.controller.reports();
    assert.equal(report?.state, 'failed');
    assert.equal(report?.reason, 'of its own');
    assert.ok((report?.startedAtMs ?? 0) > 0);
  });

  it('is a failure with the reason when the run cannot be started', async (t) => {
    const at = await world(t, {
      executor: {
        check: async (spec) => checked(spec),
        hasBegun: () => false,
        start: () => {
          throw new Error('no more processes');
        },
      },
    });
    await at.deliver(at.order());
    const [report] = at.controller.reports();
    assert.equal(report?.state, 'failed');
    assert.equal(report?.reason, 'no more processes');
  });
});
