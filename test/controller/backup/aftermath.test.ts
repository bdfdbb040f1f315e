import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeToken } from '../../../certs/enrolment.ts';
import type { Gateway } from '../../../controller/gateway/engine.ts';
import { ADMIN, type ControllerWorld } from '../../support/controller-world.ts';
import { fakeAgent } from '../../support/fake-agent.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { created, reported, taken } from '../retention/fixture.ts';
import { backUp, controllerAt, putBack } from './fixture.ts';

const HOUR = 3_600_000;

async function stage(t: { after(fn: () => unknown): void }) {
  const folder = temporaryFolder(t);
  const home = join(folder, 'home');
  mkdirSync(home);
  let world = await controllerAt(t, home);
  const { clock } = world;
  const gateway = (): Gateway => world.controller.gateway;
  const token = async (): Promise<string> =>
    (
      await world.controller.verbs.tokens.create(
        { ttlMs: 24 * HOUR, labels: {}, allowLabels: [], uses: 1, approve: 'auto' },
        ADMIN,
      )
    ).token;
  return {
    token,
    world: (): ControllerWorld => world,
    async agent(name: string, of?: string) {
      const secret = of ?? (await token());
      const agent = fakeAgent(gateway, clock, decodeToken(secret), name);
      return { agent, joining: await agent.join(secret) };
    },
    backUp: () => backUp(home, join(folder, 'muster.tar')),
    /** As an operator does whose controller burnt down: what it knew since is gone. */
    async restore() {
      await world.controller.stop();
      await world.db.close();
      const restored = await putBack(join(folder, 'muster.tar'), home, { force: true, nowMs: clock.now() });
      world = await controllerAt(t, home, clock);
      return restored;
    },
    state: async (job: string) => (await world.controller.verbs.jobs.show(job)).runs[0],
  };
}

test('what was queued at the backup and ran since is asked for again, and answered with what became of it', async (t) => {
  const at = await stage(t);
  const { agent } = await at.agent('web-1');
  const job = await created(at.world(), { ttlMs: HOUR });
  await at.backUp();
  const session = await agent.connect();
  await reported(at.world(), agent, session, 'once\n');
  assert.equal((await at.state(job))?.state, 'succeeded');
  session.close();
  const restored = await at.restore();
  assert.deepEqual([restored.runsSent, restored.runsLost, restored.openJobs], [1, 0, [job]]);
  assert.equal((await at.state(job))?.state, 'sent', 'never "queued", which would say that it never left');
  const back = await agent.connect();
  assert.equal(back.of('ready').at(-1)?.value.receipt ?? null, null, 'the store knows of no report');
  assert.equal(taken(agent, back).order.tasks.length, 1, 'redelivered: an agent knows it by its id');
  // As an agent does: what it had reported after what the store holds comes again.
  agent.reportSeq = 0;
  agent.chain = new Uint8Array(32);
  back.send('report', agent.report(taken(agent, back), {}, Buffer.from('once\n')));
  await at.world().clock.settle();
  const run = await at.state(job);
  assert.equal(run?.state, 'succeeded');
  assert.match(run?.reason ?? '', /the last 5 bytes of its output did not arrive/, 'what is gone is said');
});

test('without an answer it is lost, and never said to have expired or been cancelled unsent', async (t) => {
  const at = await stage(t);
  await at.agent('web-1');
  const [waits, cancelled] = [
    await created(at.world(), { ttlMs: HOUR }),
    await created(at.world(), { ttlMs: HOUR }),
  ];
  await at.backUp();
  await at.world().clock.advance(2 * HOUR);
  await at.restore();
  await at
    .world()
    .controller.verbs.jobs.cancel(cancelled, ADMIN)
    .catch(() => {});
  await at.world().clock.advance(HOUR);
  assert.equal((await at.state(waits))?.state, 'lost');
  assert.equal((await at.state(cancelled))?.state, 'lost');
});

test('a run that waited for its turn is lost at once and is not sent past its batch; a report replaces that', async (t) => {
  const at = await stage(t);
  const { agent: first } = await at.agent('web-1');
  const { agent: second } = await at.agent('web-2');
  const job = await created(at.world(), { ttlMs: HOUR, batch: '1' });
  await at.backUp();
  const sessions = [await first.connect(), await second.connect()] as const;
  await reported(at.world(), first, sessions[0], '');
  const bundle = taken(second, sessions[1]);
  for (const session of sessions) session.close();
  const restored = await at.restore();
  assert.deepEqual([restored.runsSent, restored.runsLost], [1, 1]);
  const run = async (name: string) =>
    (await at.world().controller.verbs.jobs.show(job)).runs.find((one) => one.agent === name);
  assert.deepEqual([(await run('web-1'))?.state, (await run('web-2'))?.state], ['sent', 'lost']);
  assert.match(
    (await run('web-2'))?.reason ?? '',
    /waited for its turn at the backup of .*; it may have run/,
  );
  const back = await second.connect();
  assert.equal(back.of('deliver').length, 0);
  back.send('report', second.report(bundle));
  await at.world().clock.settle();
  assert.equal((await run('web-2'))?.state, 'succeeded');
});

test('single-use things do not come back: tokens that were open are revoked, agents that joined since are strangers', async (t) => {
  const at = await stage(t);
  const open = await at.token();
  await at.backUp();
  const { agent, joining } = await at.agent('web-1', open);
  assert.equal(joining.of('enrolled').length, 1);
  const restored = await at.restore();
  assert.equal(restored.tokensRevoked, 1);
  const { joining: again } = await at.agent('web-2', open);
  assert.equal(again.refusal?.code, 'token-revoked');
  assert.equal((await agent.connect()).refusal?.code, 'agent-unknown');
});

test('a restore is a line in the audit log, and the trust document leaps past what may have been signed since', async (t) => {
  const at = await stage(t);
  const { agent } = await at.agent('web-1');
  const made = await at.backUp();
  const before = (await at.world().controller.verbs.status()).trust.serial;
  await at.restore();
  const { verbs } = at.world().controller;
  const lines = await verbs.audit.list({ afterSeq: made.audit.seq, limit: 10 });
  assert.deepEqual(
    lines.map(({ action, detail }) => [action, detail.madeAtMs]),
    [['controller.restore', made.madeAtMs]],
  );
  const verified = verbs.audit.verify();
  await at.world().clock.advance(0);
  await at.world().clock.advance(0);
  assert.equal((await verified).ok, true);
  assert.equal((await verbs.status()).trust.serial, before + 1_000);
  assert.equal((await agent.connect()).of('ready').length, 1, 'agents follow');
});

test('a rollout that was open at the backup is stopped, says why, and gives nobody a turn', async (t) => {
  const at = await stage(t);
  const { agent } = await at.agent('web-1');
  await at.agent('web-2');
  await agent.connect();
  const body = {
    targets: 'all',
    change: { kind: 'bundle' as const, title: 'x', tasks: [{ shell: { line: 'change' } }] },
    withoutWayBack: 'go-on' as const,
  };
  const { rollout } = await at.world().controller.verbs.rollouts.start(body, ADMIN);
  await at.world().clock.settle();
  await at.backUp();
  await at.restore();
  await at.world().clock.advance(1_000);
  const { rollouts } = at.world().controller.verbs;
  const detail = await rollouts.show(rollout);
  assert.equal(detail.state, 'stopped');
  assert.match(detail.reason ?? '', /open at the backup of .*restored/);
  assert.equal(detail.hostDetails[1]?.phase, 'waiting');
  await rollouts.abort(rollout, {}, ADMIN);
  await at.world().clock.settle();
  assert.equal((await rollouts.show(rollout)).hostDetails[1]?.phase, 'skipped');
});
