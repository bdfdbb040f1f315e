import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parsePolicy } from '../../../agent/bundle/policy.ts';
import { signKeyPair } from '../../../proto/crypto.ts';
import { MusterError } from '../../../proto/errors.ts';
import type { AgentWorld } from '../../support/agent-world.ts';
import { trustKey } from '../../support/fake-controller.ts';
import type { Made } from '../../support/orders.ts';
import { NO_KIND } from '../../support/orders.ts';
import { checked, outcomes, refusals, world } from './world.ts';

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
    ['of another version', 'order-version', (_, at) => at.order({ version: 3 })],
    ['of a kind that is not known', 'signer-not-allowed', (_, at) => at.order({ kind: 'rotate' })],
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

  it('is rejected when what waits and what is looked up fills the memory that there is for it', async (t) => {
    const at = await world(t, { limits: { parallel: 2, waiting: 256, reserveBytes: 0 } });
    const content = Buffer.alloc(700 * 1024);
    const script = { name: 'big', content, args: [], stdin: new Uint8Array(0) };
    const big = () => at.order({ tasks: [{ ...NO_KIND, script }] });
    for (let i = 0; i < 20; i++) await at.deliver(big());
    assert.deepEqual(outcomes(at), []);
    const lookedUp = Promise.withResolvers<void>();
    at.check = async (spec) => {
      await lookedUp.promise;
      return checked(spec);
    };
    for (let i = 0; i < 20; i++) await at.deliver(big());
    const busy = outcomes(at);
    assert.ok(busy.length >= 15 && busy.every((outcome) => outcome === 'rejected agent-busy'), `${busy}`);
    lookedUp.resolve();
    at.started[0]?.finish();
    await at.clock.settle();
    assert.equal(at.started.length, 3);
  });

  it('is rejected when too many are looked up at once, however small', async (t) => {
    const at = await world(t);
    at.check = () => new Promise(() => {});
    for (let i = 0; i < 1_030; i++) at.controller.session().send('deliver', at.order().deliver);
    await at.clock.settle();
    assert.deepEqual(new Set(outcomes(at)), new Set(['rejected agent-busy']));
    assert.equal(outcomes(at).length, 6);
  });

  it('has expired when the looking up of its user took too long', async (t) => {
    const at = await world(t);
    at.check = async (spec) => {
      at.clock.suspend(60_000);
      at.check = undefined;
      return checked(spec);
    };
    await at.deliver(at.order());
    assert.deepEqual(outcomes(at), ['expired order-expired']);
    assert.equal(at.started.length, 0);
  });
});
