import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AgentWorld, agentWorld } from '../support/agent-world.ts';
import { failing, world } from './runs/world.ts';

/** The first `times` proofs from now on are refused: the controller wants a new epoch. */
function wantsNewEpoch(at: AgentWorld, times: number): void {
  const before = at.controller.dialled.length;
  Object.defineProperty(at.controller.behaviour, 'refuseProof', {
    get: () => (at.controller.dialled.length - before <= times ? { code: 'epoch-renew' } : undefined),
  });
}

describe('an agent whose controller wants a new epoch', () => {
  it('begins one and is back at once', async (t) => {
    const at = await agentWorld(t);
    const epoch = at.journal.epoch();
    wantsNewEpoch(at, 1);
    await at.start();
    await at.clock.advance(0);
    assert.notDeepEqual(at.journal.epoch(), epoch);
    assert.deepEqual(Buffer.from(at.controller.session().proof.epoch), Buffer.from(at.journal.epoch()));
    assert.deepEqual(
      at.controller.dialled.map(({ atMs }) => atMs),
      [0, 0],
    );
    await at.deliver(at.order());
    assert.equal(at.started.length, 1);
  });

  it('takes along what it has not reported yet', async (t) => {
    const at = await world(t);
    await at.deliver(at.order());
    at.controller.session().link.cut();
    at.started[0]?.write('stdout', 'kept');
    at.started[0]?.finish();
    wantsNewEpoch(at, 1);
    await at.clock.advance(1_000);
    const [report, ...rest] = at.controller.reports();
    assert.deepEqual([report?.state, report?.reportSeq, rest.length], ['succeeded', 1, 0]);
    assert.deepEqual(Buffer.from(report?.epoch ?? []), Buffer.from(at.journal.epoch()));
    const [frame] = at.controller.session().of('output');
    assert.equal(Buffer.from(frame?.data ?? []).toString(), 'kept');
  });

  it('is not hurried by one that wants another every time', async (t) => {
    const at = await agentWorld(t);
    wantsNewEpoch(at, Number.POSITIVE_INFINITY);
    await at.start();
    await at.clock.advance(3_600_000);
    const { length } = at.controller.dialled;
    assert.ok(length > 60 && length < 300, `${length} attempts in an hour`);
  });

  it('comes again where its disk did not take the new one', async (t) => {
    const at = await agentWorld(t);
    const epoch = at.journal.epoch();
    const disk = failing(at, 'renew');
    wantsNewEpoch(at, 3);
    await at.start();
    assert.deepEqual(at.journal.epoch(), epoch);
    disk.mend();
    await at.clock.advance(60_000);
    assert.notDeepEqual(at.journal.epoch(), epoch);
    assert.equal(at.controller.session().isClosed, false);
  });

  it('keeps its epoch where that was said before the session had keys', async (t) => {
    const at = await agentWorld(t);
    const epoch = at.journal.epoch();
    at.controller.behaviour.refuseHello = { code: 'epoch-renew' };
    await at.start();
    await at.clock.advance(10_000);
    at.controller.behaviour.refuseHello = undefined;
    await at.clock.advance(60_000);
    assert.deepEqual(Buffer.from(at.controller.session().proof.epoch), Buffer.from(epoch));
  });
});

describe('an agent in whose place another was kept', () => {
  it('says so once, keeps its epoch, and tries slowly', async (t) => {
    const at = await agentWorld(t);
    const epoch = at.journal.epoch();
    at.controller.behaviour.refuseProof = { code: 'agent-replaced' };
    await at.start();
    await at.clock.advance(3_600_000);
    const loud = at.log.filter((line) => line.level === 'error' || line.level === 'warn');
    assert.equal(loud.length, 1);
    assert.match(String(loud[0]?.fields.reason), /muster-agent leave/);
    assert.ok(at.controller.dialled.length < 100, `${at.controller.dialled.length} attempts in an hour`);
    assert.deepEqual(at.journal.epoch(), epoch);
  });
});
