import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '../../../../controller/cli/client.ts';
import { EXIT, Failure } from '../../../../controller/cli/failure.ts';
import { createRegistrar } from '../../../../controller/cli/install/registrar.ts';
import { HostFailure } from '../../../../controller/installer/failure.ts';
import { type ErrorCode, MusterError } from '../../../../proto/errors.ts';
import { virtualClock } from '../../../support/virtual-clock.ts';

const BODY = { name: 'web-1', signKey: '00', boxKey: '00', epoch: '00' };
const AGENT = { id: 'id-web-1', name: 'web-1' };

/** A controller that answers so, one answer after the other, the last again and again. */
function stage(...answers: unknown[]) {
  const clock = virtualClock();
  const asked: [string, unknown][] = [];
  const refused: unknown[] = [];
  const call = async (name: string, given: unknown) => {
    asked.push([name, given]);
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const registrar = createRegistrar({
    client: { call } as unknown as Pick<Client, 'call'>,
    clock,
    random: (length) => new Uint8Array(length).fill(128),
    refused: (error) => refused.push(error),
  });
  return { clock, asked, refused, registrar };
}

const because = (cause: string, detail?: RegExp) => (error: unknown) =>
  error instanceof HostFailure &&
  error.because === cause &&
  (detail === undefined || detail.test(error.detail));
const refusal = (code: ErrorCode, detail?: string) => new MusterError(code, detail);

test('a controller that restarts is asked again until it is back', async () => {
  const { clock, asked, refused, registrar } = stage(refusal('unavailable'), refusal('shutting-down'), {
    id: 'x',
  });
  const done = registrar.register(BODY);
  await clock.advance(10_000);
  assert.deepEqual(await done, { id: 'x', created: true });
  assert.equal(asked.length, 3);
  assert.deepEqual(refused, []);
});

test('a registration that is there when it is asked for again is of this install: its answer was lost', async () => {
  const { clock, registrar } = stage(refusal('unavailable'), { id: 'x', created: false });
  const done = registrar.register(BODY);
  await clock.advance(10_000);
  assert.equal((await done).created, true);
  assert.equal((await stage({ id: 'x', created: false }).registrar.register(BODY)).created, false);
});

test('one that stays away fails the host after a minute, and ends the beginning of others', async () => {
  const { clock, refused, registrar } = stage(refusal('unavailable'));
  const done = assert.rejects(registrar.register(BODY), because('refused', /not reachable/));
  await clock.advance(70_000);
  await done;
  assert.equal(refused.length, 1);
});

test('what is refused of one host is no reason to leave the others alone', async () => {
  for (const [code, cause] of [
    ['name-taken', 'name-taken'],
    ['agent-removed', 'agent-removed'],
    ['bad-name', 'refused'],
    ['agent-quarantined', 'refused'],
  ] as const) {
    const { refused, registrar } = stage(refusal(code, 'web-1'));
    await assert.rejects(registrar.register(BODY), because(cause, /web-1/));
    assert.deepEqual(refused, []);
  }
});

test('what is refused of everybody is: a token that was revoked, an answer that is none', async () => {
  for (const error of [refusal('unauthenticated'), refusal('forbidden'), new Failure(EXIT.refused, 'who?')]) {
    const { refused, registrar } = stage(error);
    await assert.rejects(registrar.register(BODY), because('refused'));
    assert.deepEqual(refused, [error]);
  }
});

test('an agent has labels when it is let in under this id and name', async () => {
  const labels = { role: 'web' };
  const of = (...agents: unknown[]) => stage(agents).registrar.labelsOf(AGENT);
  assert.deepEqual(await of({ ...AGENT, labels, state: 'active' }), labels);
  assert.equal(await of({ ...AGENT, labels, state: 'quarantined' }), undefined);
  assert.equal(await of({ ...AGENT, labels, name: 'db-1', state: 'active' }), undefined);
  assert.equal(await of(), undefined);
});

test('an agent that is online is elsewhere when its machine booted as another one than the host says', async () => {
  const online = [{ ...AGENT, online: true }];
  const facts = (bootId: unknown) => ({ facts: { bootId } });
  const mine = stage(online, facts('b1'));
  assert.equal(await mine.registrar.isElsewhere(AGENT, 'b1'), false);
  assert.equal(await stage(online, facts(undefined)).registrar.isElsewhere(AGENT, 'b1'), false);
  assert.equal(await stage([{ ...AGENT, online: false }]).registrar.isElsewhere(AGENT, 'b1'), false);
  const other = stage(...Array.from({ length: 6 }, () => [online, facts('b2')]).flat());
  const elsewhere = other.registrar.isElsewhere(AGENT, 'b1');
  await other.clock.advance(10_000);
  assert.equal(await elsewhere, true);
  const rebooted = stage(online, facts('b0'), online, facts('b1'));
  const here = rebooted.registrar.isElsewhere(AGENT, 'b1');
  await rebooted.clock.advance(10_000);
  assert.equal(await here, false, 'its facts came a moment later');
});

test('a name is held by whom the controller lists under it', async () => {
  assert.equal(await stage([{ ...AGENT, state: 'active' }]).registrar.holder('web-1'), AGENT.id);
  assert.equal(await stage([]).registrar.holder('web-1'), undefined);
});

test('a registration that is not there is taken back as well as one that is', async () => {
  await stage({ ok: true }).registrar.remove(AGENT);
  await stage(refusal('no-such-agent')).registrar.remove(AGENT);
  await assert.rejects(stage(refusal('forbidden')).registrar.remove(AGENT), because('refused'));
});

test('the first job changes nothing, waits for no host that is off, and is asked for with a key of its own', async () => {
  const { clock, asked, registrar } = stage(
    { job: '3f2a9c01d2aa4b5c' },
    { runs: [{ agentId: AGENT.id, state: 'succeeded' }] },
  );
  const done = registrar.ping(AGENT, new AbortController().signal);
  await clock.advance(1000);
  await done;
  const [[name, given] = ['', {}]] = asked;
  assert.equal(name, 'jobs.create');
  const { body } = given as { body: Record<string, unknown> };
  assert.deepEqual([body.targets, body.tasks], ['web-1', [{ command: { argv: ['true'] } }]]);
});
