import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { LinkState } from '../../../agent/link/state.ts';
import { type AgentWorld, agentWorld } from '../../support/agent-world.ts';

async function world(t: TestContext): Promise<AgentWorld> {
  const at = await agentWorld(t);
  at.controller.behaviour.factsDigest = at.facts.digest;
  return at;
}

function last(at: AgentWorld): LinkState {
  const link = at.links.at(-1);
  assert.ok(link);
  return link;
}

describe('a link that breaks', () => {
  it('is dialled again, for ever, with waits that grow to a minute and differ', async (t) => {
    const at = await world(t);
    at.controller.behaviour.unreachable = true;
    await at.start();
    await at.clock.advance(3_600_000);
    const times = at.controller.dialled.map(({ atMs }) => atMs);
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    assert.ok(gaps.length > 60, `${gaps.length} attempts in an hour`);
    assert.ok(gaps.every((gap) => gap <= 60_000));
    assert.ok(gaps.slice(0, 1).every((gap) => gap <= 500) && gaps.slice(1, 2).every((gap) => gap <= 1_000));
    const late = gaps.slice(10);
    assert.ok(Math.max(...late) > 45_000 && Math.min(...late) < 15_000, 'no full jitter');
    at.controller.behaviour.unreachable = false;
    await at.clock.advance(60_000);
    assert.equal(last(at).state, 'online');
  });

  it('is back within half a second after a session that lasted', async (t) => {
    const at = await world(t);
    at.controller.behaviour.unreachable = true;
    await at.start();
    await at.clock.advance(600_000);
    at.controller.behaviour.unreachable = false;
    await at.clock.advance(60_000);
    const before = at.controller.sessions.length;
    at.controller.session().link.cut();
    await at.clock.advance(500);
    assert.equal(at.controller.sessions.length, before + 1);
  });

  it('slows down when sessions end as soon as they begin', async (t) => {
    const at = await world(t);
    await at.start();
    for (let i = 0; i < 600; i++) {
      if (!at.controller.sessions.at(-1)?.isClosed) at.controller.session().link.cut();
      await at.clock.advance(1_000);
    }
    assert.ok(at.controller.sessions.length < 60, `${at.controller.sessions.length} sessions in 10 minutes`);
  });

  it('is tried at every address of the trust document, then at those of the token', async (t) => {
    const at = await world(t);
    at.controller.addTrust({ urls: ['https://a.test', 'https://b.test:1'] });
    await at.start();
    at.controller.behaviour.unreachable = (url) => !url.includes('first');
    at.controller.dialled.length = 0;
    at.controller.session().link.cut();
    await at.clock.advance(600);
    assert.deepEqual(
      at.controller.dialled.map(({ url }) => url),
      ['wss://a.test/agent', 'wss://b.test:1/agent', 'wss://first.test/agent'],
    );
    assert.equal(last(at).state, 'online');
  });

  it('is noticed within 45 s when nothing comes any more, and not before 40 s', async (t) => {
    const at = await world(t);
    await at.start();
    await at.clock.advance(100_000);
    at.controller.session().link.swallow();
    await at.clock.advance(24_000);
    assert.equal(last(at).state, 'online');
    await at.clock.advance(21_000);
    assert.equal(at.controller.sessions.length, 2);
  });
});

describe('a refusal', () => {
  it('that says when to come again is waited for', async (t) => {
    const at = await world(t);
    at.controller.behaviour.refuseHello = { code: 'try-later', retryAfterMs: 20_000 };
    await at.start();
    await at.clock.advance(19_999);
    assert.equal(at.controller.dialled.length, 1);
    at.controller.behaviour.refuseHello = undefined;
    await at.clock.advance(501);
    assert.equal(last(at).state, 'online');
  });

  it('cannot send the agent away for longer than five minutes', async (t) => {
    const at = await world(t);
    at.controller.behaviour.refuseHello = { code: 'try-later', retryAfterMs: 1e15 };
    await at.start();
    await at.clock.advance(302_000);
    assert.ok(at.controller.dialled.length > 1);
  });

  it('that somebody has to mend is said once and tried slowly, for ever', async (t) => {
    const at = await world(t);
    at.controller.behaviour.refuseProof = { code: 'agent-removed' };
    await at.start();
    await at.clock.advance(6 * 3_600_000);
    const loud = at.log.filter((line) => line.level === 'error' || line.level === 'warn');
    assert.equal(loud.length, 1);
    assert.match(String(loud[0]?.fields.reason), /removed/);
    const times = at.controller.dialled.map(({ atMs }) => atMs);
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    assert.ok(gaps.every((gap) => gap <= 300_000));
    assert.ok(times.length < 400, `${times.length} attempts in 6 hours`);
    at.controller.behaviour.refuseProof = undefined;
    await at.clock.advance(300_000);
    assert.equal(last(at).state, 'online');
  });
});

describe('stopping', () => {
  for (const [when, prepare] of [
    [
      'while it waits',
      (at: AgentWorld) => void Object.assign(at.controller.behaviour, { unreachable: true }),
    ],
    ['in the handshake', (at: AgentWorld) => void Object.assign(at.controller.behaviour, { mute: true })],
    ['in a session', () => {}],
  ] as const)
    it(`ends at once ${when} and leaves no timer`, async (t) => {
      const at = await world(t);
      prepare(at);
      await at.start();
      await at.agent.stop();
      assert.equal(last(at).state, 'stopped');
      await at.clock.settle();
      assert.equal(at.clock.pending, 0);
      assert.ok(at.controller.sessions.every((session) => session.isClosed));
    });
});
