import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Report } from '../../proto/codec.ts';
import { shortHash, verify } from '../../proto/frame.ts';
import type { AgentWorld } from '../support/agent-world.ts';
import { failing, outcomes, world } from './runs/world.ts';

/** The controller stores the first report, and is later put back to when it had just that. */
async function putBack(at: AgentWorld, lose: () => void): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await at.deliver(at.order());
    at.started[i]?.write('stdout', `output ${i}`);
    at.started[i]?.finish();
    await at.clock.settle();
  }
  at.controller.giveReceipt();
  await at.clock.settle();
  const first = at.journal.report(1);
  assert.ok(first);
  const { epoch } = at.journal.chain();
  at.controller.behaviour.receipt = { epoch, reportSeq: 1, chain: shortHash('report', first.report) };
  lose();
}

/** The chain of what came in the session that is up, verified from its first report on. */
function chainOf(at: AgentWorld) {
  const signed = at.controller.session().of('report');
  let previous = new Uint8Array(32);
  return signed.map(({ report, signature }, i) => {
    assert.ok(verify(at.store.identity.keys.sign.publicKey, signature, 'report', report));
    const message = Report.decode(report);
    assert.equal(message.reportSeq, i + 1);
    assert.deepEqual(Buffer.from(message.previous), Buffer.from(previous));
    assert.deepEqual(Buffer.from(message.epoch), Buffer.from(at.controller.session().proof.epoch));
    previous = new Uint8Array(shortHash('report', report));
    return message;
  });
}

describe('a controller that was put back', () => {
  it('gets what this agent still has, in a new epoch, where the reports in between are forgotten', async (t) => {
    const at = await world(t);
    await putBack(at, () => at.journal.forget(at.clock.now() + 2 * 86_400_000));
    await at.clock.advance(1_000);
    await at.deliver(at.order());
    at.controller.session().link.swallow();
    at.started[3]?.write('stdout', 'kept');
    at.started[3]?.finish();
    await at.clock.advance(120_000);
    assert.equal(at.controller.session().isClosed, false);
    const [only, ...rest] = chainOf(at);
    assert.deepEqual([only?.state, rest.length], ['succeeded', 0]);
    const [frame] = at.controller.session().of('output');
    assert.equal(Buffer.from(frame?.data ?? []).toString(), 'kept');
    at.controller.behaviour.receipt = undefined;
    at.controller.giveReceipt();
    await at.clock.settle();
    await at.deliver(at.order());
    at.started[4]?.finish();
    await at.clock.settle();
    assert.equal(chainOf(at).length, 2);
  });

  it('gets a new chain where nothing is left of the old one', async (t) => {
    const at = await world(t);
    await putBack(at, () => at.journal.forget(at.clock.now() + 2 * 86_400_000));
    const epoch = at.journal.epoch();
    at.controller.session().link.cut();
    await at.clock.advance(60_000);
    await at.deliver(at.order());
    at.started[3]?.finish();
    await at.clock.settle();
    assert.equal(chainOf(at).length, 1);
    assert.notDeepEqual(at.journal.epoch(), epoch);
  });

  it('gets the reports that it lost in their old epoch while they are all here', async (t) => {
    const at = await world(t);
    await putBack(at, () => {});
    const epoch = at.journal.epoch();
    at.controller.session().link.cut();
    await at.clock.advance(1_000);
    const seqs = at.controller
      .session()
      .of('report')
      .map(({ report }) => Report.decode(report).reportSeq);
    assert.deepEqual(seqs, [2, 3]);
    assert.deepEqual(at.journal.epoch(), epoch);
  });
});

describe('a receipt', () => {
  it('that the disk does not take is let pass, and the session goes on', async (t) => {
    const at = await world(t);
    await at.deliver(at.order());
    at.started[0]?.finish();
    await at.clock.settle();
    const disk = failing(at, 'receipt');
    at.controller.giveReceipt();
    await at.clock.settle();
    assert.equal(at.controller.session().isClosed, false);
    assert.ok(at.log.some((line) => line.event === 'receipt not taken'));
    await at.deliver(at.order());
    at.started[1]?.finish();
    await at.clock.settle();
    disk.mend();
    at.controller.giveReceipt();
    await at.clock.settle();
    assert.deepEqual(outcomes(at), ['succeeded', 'succeeded']);
    assert.deepEqual(at.journal.receipt(2), []);
  });

  it('that the disk does not take when a session begins leaves an agent that works', async (t) => {
    const at = await world(t);
    await at.deliver(at.order());
    at.started[0]?.finish();
    await at.clock.settle();
    const { epoch, seq, hash } = at.journal.chain();
    at.controller.behaviour.receipt = { epoch, reportSeq: seq, chain: hash };
    failing(at, 'receipt');
    at.controller.session().link.cut();
    await at.clock.advance(1_000);
    await at.deliver(at.order());
    assert.equal(at.started.length, 2);
  });

  it('of a chain that this journal did not write ends the session until a new epoch can be written', async (t) => {
    const at = await world(t);
    const { epoch } = at.journal.chain();
    const disk = failing(at, 'renew');
    at.controller.behaviour.receipt = { epoch, reportSeq: 9, chain: new Uint8Array(32) };
    at.controller.session().link.cut();
    await at.clock.advance(60_000);
    assert.ok(at.controller.sessions.length > 2);
    assert.ok(at.controller.sessions.every((session) => session.isClosed));
    disk.mend();
    await at.clock.advance(180_000);
    assert.equal(at.controller.session().isClosed, false);
    assert.notDeepEqual(at.journal.epoch(), epoch);
  });
});
