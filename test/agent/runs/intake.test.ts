import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { AgentPorts } from '../../../agent/agent.ts';
import { parsePolicy } from '../../../agent/bundle/policy.ts';
import { signKeyPair } from '../../../proto/crypto.ts';
import { MusterError } from '../../../proto/errors.ts';
import { keyId } from '../../../proto/frame.ts';
import { type AgentWorld, agentWorld } from '../../support/agent-world.ts';
import { type Made, trustKey } from '../../support/fake-controller.ts';

/** What the controller is told of a refused delivery: by a status, or by a signed report. */
function refusals(world: AgentWorld): string[] {
  const statuses = world.controller.session().of('status');
  return statuses.filter((status) => status.state === 'refused').map((status) => status.code);
}

function outcomes(world: AgentWorld): string[] {
  return world.controller.reports().map((report) => `${report.state} ${report.code}`.trim());
}

async function world(t: TestContext, change: Partial<AgentPorts> = {}): Promise<AgentWorld> {
  const made = await agentWorld(t, change);
  await made.start();
  return made;
}

function failing(world: AgentWorld, ...methods: ('accept' | 'start' | 'conclude')[]): { mend(): void } {
  const journal = world.journal as unknown as Record<string, unknown>;
  const before = methods.map((method) => [method, journal[method]] as const);
  for (const method of methods)
    journal[method] = () => {
      throw new MusterError('journal-failed', 'database or disk is full');
    };
  return { mend: () => void Object.assign(journal, Object.fromEntries(before)) };
}

describe('a delivery that does not open', () => {
  const cases: [string, string, (made: Made, world: AgentWorld) => Made][] = [
    ['wrapped for another agent', 'unwrap-failed', (made) => altered(made, 'keyBox')],
    ['with a ciphertext that was changed', 'unwrap-failed', (made) => alteredChunk(made)],
    ['expired', 'order-expired', (_, at) => at.order({ expiresAtMs: at.clock.now() })],
    [
      'not valid yet',
      'order-not-yet',
      (_, at) => at.order({ notBeforeMs: at.clock.now() + 1000, expiresAtMs: at.clock.now() + 2000 }),
    ],
    ['of another version', 'order-version', (_, at) => at.order({ version: 2 })],
    ['of a kind that is not known', 'signer-not-allowed', (_, at) => at.order({ kind: 'upgrade' })],
    ['for another fleet', 'order-fleet', (_, at) => at.order({ fleetId: new Uint8Array(16) })],
    ['for another epoch', 'not-a-target', (_, at) => at.order({ targetsRoot: new Uint8Array(32) })],
    [
      'signed by nobody we know',
      'signer-unknown',
      (_, at) => at.order({}, [{ role: 'controller', key: signKeyPair(new Uint8Array(32).fill(9)) }]),
    ],
  ];
  for (const [what, code, make] of cases)
    it(`is refused with its reason: ${what}`, async (t) => {
      const at = await world(t);
      const made = make(at.order(), at);
      await at.deliver(made);
      assert.deepEqual(refusals(at), [code]);
      assert.deepEqual(
        at.controller.session().of('status')[0]?.orderHash,
        Buffer.from(made.deliver.orderHash),
      );
      assert.equal(at.started.length, 0);
      assert.equal(at.journal.chain().seq, 0);
    });
});

function altered(made: Made, field: 'keyBox'): Made {
  const bytes = new Uint8Array(made.deliver[field]);
  bytes[20] = (bytes[20] ?? 0) ^ 1;
  return { ...made, deliver: { ...made.deliver, [field]: bytes } };
}

function alteredChunk(made: Made): Made {
  const [first, ...rest] = made.deliver.chunks;
  const chunk = new Uint8Array(first ?? []);
  chunk[40] = (chunk[40] ?? 0) ^ 1;
  return { ...made, deliver: { ...made.deliver, chunks: [chunk, ...rest] } };
}

describe('an order that opens and is refused', () => {
  it('is rejected by a durable report when the policy denies its kind', async (t) => {
    const at = await world(t, { policy: parsePolicy('{"deny": ["command"]}') });
    const made = at.order();
    await at.deliver(made);
    assert.deepEqual(outcomes(at), ['rejected policy-denied']);
    assert.equal(at.started.length, 0);
    assert.equal(at.journal.chain().seq, 1);
  });

  it('is rejected where operators must sign and only the controller did, and runs when one did', async (t) => {
    const at = await world(t, { policy: parsePolicy('{"require": "operator"}') });
    const operator = signKeyPair(new Uint8Array(32).fill(5));
    at.controller.session().send(
      'trust',
      at.controller.addTrust({
        keys: [trustKey(at.controller.key), trustKey(operator, { role: 'operator', kinds: ['run'] })],
      }),
    );
    await at.deliver(at.order());
    assert.deepEqual(outcomes(at), ['rejected policy-denied']);
    await at.deliver(at.order({}, [{ role: 'operator', key: operator }]));
    assert.equal(at.started.length, 1);
  });

  it('is rejected with the code of what the machine lacks', async (t) => {
    const at = await world(t);
    at.check = async () => {
      throw new MusterError('no-such-user', 'nobody2');
    };
    await at.deliver(at.order());
    assert.deepEqual(outcomes(at), ['rejected no-such-user']);
  });

  it('is rejected when the home has too little room', async (t) => {
    const at = await world(t);
    at.freeBytes = 999;
    await at.deliver(at.order());
    assert.deepEqual(outcomes(at), ['rejected disk-reserve']);
  });

  it('is rejected when too many wait already', async (t) => {
    const at = await world(t);
    for (let i = 0; i < 7; i++) await at.deliver(at.order());
    assert.equal(at.started.length, 2);
    assert.deepEqual(outcomes(at), ['rejected agent-busy']);
  });

  it('has expired when the looking up of its user took too long', async (t) => {
    const at = await world(t);
    at.check = async (spec) => {
      at.clock.suspend(60_000);
      at.check = undefined;
      return {
        spec,
        cwd: '/',
        otherUser: false,
        account: { name: '', uid: 0, gid: 0, home: '/', shell: '' },
      };
    };
    await at.deliver(at.order());
    assert.deepEqual(outcomes(at), ['expired order-expired']);
    assert.equal(at.started.length, 0);
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
      return {
        spec,
        cwd: '/',
        otherUser: false,
        account: { name: '', uid: 0, gid: 0, home: '/', shell: '' },
      };
    };
    const made = at.order();
    await at.deliver(made);
    await at.deliver(made);
    lookedUp.resolve();
    await at.clock.settle();
    assert.equal(at.started.length, 1);
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

  it('is refused when its job id stands for another order', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.deliver(made);
    await at.deliver(at.order({ jobId: made.order.jobId, reason: 'another' }));
    assert.deepEqual(refusals(at), ['job-id-reused']);
    assert.equal(at.started.length, 1);
  });

  it('does not start again in an agent that was killed, which says interrupted', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.deliver(made);
    await at.crash();
    await at.deliver(made);
    assert.equal(at.started.length, 1);
    assert.equal(at.controller.reports()[0]?.state, 'interrupted');
    assert.match(at.controller.reports()[0]?.reason ?? '', /effect is unknown/);
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
    assert.deepEqual(outcomes(at), ['rejected order-cancelled']);
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
      return {
        spec,
        cwd: '/',
        otherUser: false,
        account: { name: '', uid: 0, gid: 0, home: '/', shell: '' },
      };
    };
    await at.deliver(made);
    await at.clock.settle();
    assert.equal(at.started.length, 0);
    assert.deepEqual(outcomes(at), ['rejected order-cancelled']);
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

  it('is reported interrupted, as never started, by the agent that comes after a crash', async (t) => {
    const at = await world(t);
    for (let i = 0; i < 3; i++) await at.deliver(at.order());
    await at.crash();
    const reasons = at.controller.reports().map((report) => report.reason);
    assert.equal(reasons.length, 3);
    assert.match(reasons[2] ?? '', /nothing was run/);
  });
});

describe('the end of a run', () => {
  it('is found by the next agent in what the run left behind', async (t) => {
    const at = await world(t);
    await at.deliver(at.order());
    await at.crash({
      findEnding: (row) => ({
        state: 'failed',
        reason: `of ${row.tasks} task`,
        startedAtMs: row.startedAtMs,
        endedAtMs: at.clock.now(),
      }),
    });
    const [report] = at.controller.reports();
    assert.equal(report?.state, 'failed');
    assert.equal(report?.reason, 'of 1 task');
    assert.ok((report?.startedAtMs ?? 0) > 0);
  });

  it('is a failure with the reason when the run cannot be started', async (t) => {
    const at = await world(t, {
      executor: {
        check: async (spec) => ({
          spec,
          cwd: '/',
          otherUser: false,
          account: { name: '', uid: 0, gid: 0, home: '/', shell: '' },
        }),
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
