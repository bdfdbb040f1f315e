import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { signKeyPair } from '../../../proto/crypto.ts';
import { keyId } from '../../../proto/frame.ts';
import { type AgentWorld, agentWorld } from '../../support/agent-world.ts';
import { trustKey } from '../../support/fake-controller.ts';

const OTHER = signKeyPair(new Uint8Array(32).fill(9));

async function world(t: TestContext): Promise<AgentWorld> {
  const at = await agentWorld(t);
  at.controller.behaviour.factsDigest = at.facts.digest;
  return at;
}

/** Why the first attempt came to nothing. */
function end(at: AgentWorld): string | undefined {
  const waiting = at.links.find((link) => link.state === 'waiting');
  return waiting?.state === 'waiting' ? (waiting.end.code ?? waiting.end.reason) : undefined;
}

describe('the handshake', () => {
  it('opens a session, the trust document persisted and the counter raised before', async (t) => {
    const at = await world(t);
    await at.start();
    const { proof } = at.controller.session();
    assert.equal(at.store.saved, 1);
    assert.equal(proof.counter, 1);
    assert.equal(proof.bootId, 'boot-1');
    assert.deepEqual(Buffer.from(proof.epoch), Buffer.from(at.journal.epoch()));
  });

  it('raises the counter with every session and keeps the instance of the process', async (t) => {
    const at = await world(t);
    await at.start();
    at.controller.session().link.cut();
    await at.clock.advance(1_000);
    const [first, second] = at.controller.sessions;
    assert.equal(second?.proof.counter, 2);
    assert.deepEqual(second?.proof.instance, first?.proof.instance);
    await at.crash();
    assert.notDeepEqual(at.controller.session().proof.instance, first?.proof.instance);
  });

  it('sends no proof when the counter cannot be made durable', async (t) => {
    const at = await world(t);
    at.store.nextCounter = () => {
      throw new Error('ENOSPC');
    };
    await at.start();
    assert.equal(at.controller.sessions.length, 0);
    assert.equal(end(at), 'ENOSPC');
  });

  it('asks only for documents that the agent lacks', async (t) => {
    const at = await world(t);
    at.controller.addTrust();
    await at.start();
    at.controller.session().link.cut();
    await at.clock.advance(1_000);
    assert.deepEqual(
      at.controller.hellos.map((hello) => hello.trustSerial),
      [0, 2],
    );
    assert.equal(at.store.saved, 2);
  });

  it('walks documents that change the root, one by one', async (t) => {
    const at = await world(t);
    const { controller } = at;
    const next = signKeyPair(new Uint8Array(32).fill(8));
    controller.addTrust({ rootPublicKey: next.publicKey }, [controller.root, next]);
    controller.addTrust({ rootPublicKey: next.publicKey, keys: [trustKey(OTHER)] }, [next]);
    controller.behaviour.controllerKey = OTHER;
    await at.start();
    assert.equal(at.store.trust().serial, 3);
    assert.deepEqual(Buffer.from(at.store.trust().rootKeyId), Buffer.from(keyId('root', next.publicKey)));
    assert.equal(controller.sessions.length, 1);
  });

  it('keeps what was walked when a later document does not verify', async (t) => {
    const at = await world(t);
    at.controller.addTrust({}, [OTHER]);
    await at.start();
    assert.equal(end(at), 'trust-rejected');
    assert.equal(at.store.trust().serial, 1);
    assert.equal(at.controller.sessions.length, 0);
  });

  it('goes no further when a document cannot be persisted', async (t) => {
    const at = await world(t);
    at.store.saveTrust = () => {
      throw new Error('ENOSPC');
    };
    await at.start();
    assert.equal(at.controller.sessions.length, 0);
    assert.equal(at.store.counter, 0);
  });

  it('refuses a document of a root that it does not trust', async (t) => {
    const at = await world(t);
    at.controller.documents[0] = at.controller.addTrust({ serial: 1, rootPublicKey: OTHER.publicKey }, [
      OTHER,
    ]);
    await at.start();
    assert.equal(end(at), 'trust-rejected');
  });

  it('refuses a document that goes back', async (t) => {
    const at = await world(t);
    await at.start();
    const [oldest] = at.controller.documents;
    at.controller.behaviour.documentsFor = () => (oldest ? [oldest] : []);
    at.controller.session().link.cut();
    await at.clock.advance(1_000);
    assert.equal(at.controller.sessions.length, 1);
    assert.ok(at.links.some((link) => link.state === 'waiting' && link.end.code === 'trust-rejected'));
  });

  it('refuses more documents than a chain has', async (t) => {
    const at = await world(t);
    for (let i = 0; i < 70; i++) at.controller.addTrust();
    await at.start();
    assert.equal(end(at), 'malformed');
  });

  it('refuses a controller whose key is not in the trust document', async (t) => {
    const at = await world(t);
    at.controller.behaviour.controllerKey = OTHER;
    await at.start();
    assert.equal(end(at), 'handshake-failed');
    assert.equal(at.store.counter, 0);
  });

  it('refuses a controller that kept back a trust document which its welcome names', async (t) => {
    const at = await world(t);
    await at.start();
    at.controller.addTrust();
    at.controller.behaviour.documentsFor = () => [];
    at.controller.session().link.cut();
    await at.clock.advance(1_000);
    assert.equal(at.controller.sessions.length, 1);
    assert.ok(at.links.some((link) => link.state === 'waiting' && link.end.code === 'handshake-failed'));
    assert.equal(at.store.counter, 1);
    at.controller.behaviour.documentsFor = undefined;
    await at.clock.advance(300_000);
    assert.equal(at.controller.session().isClosed, false);
    assert.equal(at.store.trust().serial, 2);
  });

  it('refuses a controller whose key was revoked', async (t) => {
    const at = await world(t);
    at.controller.addTrust({ revoked: [keyId('controller', at.controller.key.publicKey)] });
    await at.start();
    assert.equal(end(at), 'handshake-failed');
  });

  it('refuses a welcome that was altered on its way', async (t) => {
    const at = await world(t);
    at.controller.behaviour.alterWelcome = (body) => {
      const altered = new Uint8Array(body);
      altered[6] = (altered[6] ?? 0) ^ 1;
      return altered;
    };
    await at.start();
    assert.equal(end(at), 'handshake-failed');
  });

  it('gives up on a controller that says nothing', async (t) => {
    const at = await world(t);
    at.controller.behaviour.mute = true;
    await at.start();
    await at.clock.advance(45_000);
    assert.equal(end(at), 'unavailable');
  });

  for (const code of ['fleet-unknown', 'version-unsupported', 'try-later', 'malformed'])
    it(`takes a refusal of its hello for what it says: ${code}`, async (t) => {
      const at = await world(t);
      at.controller.behaviour.refuseHello = { code };
      await at.start();
      assert.equal(end(at), code);
      assert.equal(at.store.counter, 0);
    });

  for (const code of [
    'agent-unknown',
    'agent-removed',
    'agent-pending',
    'agent-quarantined',
    'agent-replaced',
    'stale-session',
    'bad-signature',
    'shutting-down',
  ])
    it(`takes a refusal of its proof for what it says: ${code}`, async (t) => {
      const at = await world(t);
      at.controller.behaviour.refuseProof = { code };
      await at.start();
      assert.equal(end(at), code);
    });

  it('takes a refusal that it does not know for a controller that is not there', async (t) => {
    const at = await world(t);
    at.controller.behaviour.refuseProof = { code: 'something-new\u001b[2J' };
    await at.start();
    assert.equal(end(at), 'unavailable');
  });
});

describe('a session', () => {
  it('takes a newer trust document, and ends when that takes away its own key', async (t) => {
    const at = await world(t);
    await at.start();
    const session = at.controller.session();
    session.send('trust', at.controller.addTrust());
    await at.clock.settle();
    assert.equal(at.store.trust().serial, 2);
    assert.equal(session.isClosed, false);
    session.send('trust', at.controller.addTrust({ keys: [trustKey(OTHER)] }));
    await at.clock.settle();
    assert.equal(at.store.trust().serial, 3);
    assert.equal(session.isClosed, true);
  });

  it('goes on when it is sent a document that does not verify', async (t) => {
    const at = await world(t);
    await at.start();
    at.controller.session().send('trust', at.controller.addTrust({}, [OTHER]));
    await at.clock.settle();
    assert.equal(at.store.trust().serial, 1);
    assert.equal(at.controller.session().isClosed, false);
  });

  it('ends at the first message that does not open', async (t) => {
    const at = await world(t);
    await at.start();
    const session = at.controller.session();
    session.link.controller.send(Buffer.from('not sealed'));
    await at.clock.settle();
    assert.equal(session.isClosed, true);
    assert.equal(end(at), 'malformed');
  });

  it('answers a ping', async (t) => {
    const at = await world(t);
    await at.start();
    at.controller.session().send('ping', { id: 7 });
    await at.clock.settle();
    assert.deepEqual(
      at.controller
        .session()
        .of('pong')
        .map(({ id }) => id),
      [7],
    );
  });

  it('ends with a refusal for the reason that it gives', async (t) => {
    const at = await world(t);
    await at.start();
    at.controller.session().send('refusal', { code: 'agent-removed', detail: 'by admin' });
    await at.clock.settle();
    assert.equal(end(at), 'agent-removed');
  });
});
