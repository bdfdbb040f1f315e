/** Trust as a fold: what an agent that begins with a pin accepts, skips and refuses. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyTrust, controllerKeyOf, pinned, signerOf, signTrust, type Trust } from '../../certs/trust.ts';
import { openBundle, openCancel } from '../../proto/bundle.ts';
import { SignedTrust, TrustDocument } from '../../proto/codec.ts';
import type { KeyPair } from '../../proto/crypto.ts';
import { MusterError } from '../../proto/errors.ts';
import { keyId, sign } from '../../proto/frame.ts';
import { acceptWelcome, hello, readHello, welcome } from '../../proto/session.ts';
import {
  AGENT_ID,
  CONTROLLER,
  cancelOrder,
  concat,
  counting,
  FLEET,
  flipped,
  NEXT_ROOT,
  NOW_MS,
  OPERATOR,
  RELEASE,
  ROOT,
  refused,
  seeded,
  signPair,
} from '../proto/fixture.ts';
import { build, signedOrder, validPlan } from '../proto/plan.ts';
import { TRUST_INPUT } from '../proto/signed.ts';
import { number } from '../proto/wire.ts';

type Input = Parameters<typeof signTrust>[0];

const THIRD_ROOT = signPair('third root');
const NEXT_CONTROLLER = signPair('next controller');
const CONTROLLER_ID = keyId('controller', CONTROLLER.publicKey);
const OPERATOR_ID = keyId('operator', OPERATOR.publicKey);
const RELEASE_ID = keyId('release', RELEASE.publicKey);

const PIN = pinned(FLEET, keyId('root', ROOT.publicKey));

const document = (
  serial: number,
  changes: Partial<Input> = {},
  roots: readonly KeyPair[] = [ROOT],
): Uint8Array => signTrust({ ...TRUST_INPUT, serial, ...changes }, roots);

const fold = (trust: Trust, ...documents: readonly Uint8Array[]): Trust =>
  documents.reduce(applyTrust, trust);

const controllerKey = (publicKey: Uint8Array, notAfterMs = 0): Input['keys'][number] => ({
  role: 'controller',
  publicKey,
  name: 'controller',
  kinds: ['run', 'cancel'],
  notAfterMs,
});

test('the first document is taken when the pinned root signed it', () => {
  assert.equal(PIN.document, undefined);
  const trust = fold(PIN, document(1));
  assert.equal(trust.serial, 1);
  assert.equal(trust.document?.urls[0], 'wss://controller.example:7443/agent');
  assert.deepEqual(trust.rootKeyId, PIN.rootKeyId);
});

test('ordinary documents may be skipped; none is taken twice and none goes back', () => {
  const trust = fold(PIN, document(1), document(7));
  assert.equal(trust.serial, 7);
  for (const serial of [7, 6, 1, 0]) refused('trust-rejected', () => applyTrust(trust, document(serial)));
  assert.equal(fold(trust, document(8)).serial, 8);
});

test('a root is changed by the old and the new one together, and the new one signs what follows', () => {
  const changed = document(5, { rootPublicKey: NEXT_ROOT.publicKey }, [ROOT, NEXT_ROOT]);
  const trust = fold(PIN, document(4), changed);
  assert.deepEqual(trust.rootKeyId, keyId('root', NEXT_ROOT.publicKey));
  assert.deepEqual(trust.fleetId, FLEET, 'the fleet keeps its id');
  const next = document(6, { rootPublicKey: NEXT_ROOT.publicKey }, [NEXT_ROOT]);
  assert.equal(fold(trust, next).serial, 6);
  refused('trust-rejected', () => applyTrust(trust, document(6)));
});

test('changes of root are walked one by one: whoever skips one is refused', () => {
  const first = document(5, { rootPublicKey: NEXT_ROOT.publicKey }, [ROOT, NEXT_ROOT]);
  const second = document(9, { rootPublicKey: THIRD_ROOT.publicKey }, [NEXT_ROOT, THIRD_ROOT]);
  const last = document(12, { rootPublicKey: THIRD_ROOT.publicKey }, [THIRD_ROOT]);
  const start = fold(PIN, document(3));
  assert.equal(fold(start, first, second, last).serial, 12);
  refused('trust-rejected', () => fold(start, second));
  refused('trust-rejected', () => fold(start, first, last));
  refused('trust-rejected', () => fold(start, last));
});

test('a pin alone takes a document of its own root only, and never one that changes it', () => {
  const changed = document(5, { rootPublicKey: NEXT_ROOT.publicKey }, [ROOT, NEXT_ROOT]);
  refused('trust-rejected', () => applyTrust(PIN, changed));
  assert.equal(fold(PIN, document(1), changed).serial, 5);
});

test('a change of root without both signatures is refused', () => {
  const trust = fold(PIN, document(1));
  for (const roots of [[ROOT], [NEXT_ROOT], [THIRD_ROOT, NEXT_ROOT]])
    refused('trust-rejected', () =>
      applyTrust(trust, document(2, { rootPublicKey: NEXT_ROOT.publicKey }, roots)),
    );
});

test('a document of another root, of another fleet, or signed by a key that is no root is refused', () => {
  const stranger = document(1, { rootPublicKey: NEXT_ROOT.publicKey }, [NEXT_ROOT]);
  refused('trust-rejected', () => applyTrust(PIN, stranger));
  refused('trust-rejected', () => applyTrust(PIN, document(1, { fleetId: counting(0, 16) })));
  refused('trust-rejected', () => applyTrust(PIN, document(1, {}, [CONTROLLER])));
  const trust = fold(PIN, document(1));
  refused('trust-rejected', () => applyTrust(trust, document(2, {}, [CONTROLLER])));
});

test("a signature under the root's key id by another key, under another domain, or altered is refused", () => {
  const { document: bytes } = SignedTrust.decode(document(1));
  const id = keyId('root', ROOT.publicKey);
  const signatures = [
    sign(NEXT_ROOT, 'trust', bytes),
    sign(ROOT, 'order', bytes),
    flipped(sign(ROOT, 'trust', bytes), 63),
    sign(ROOT, 'trust', flipped(bytes, 40)),
  ];
  for (const signature of signatures)
    refused('trust-rejected', () =>
      applyTrust(PIN, SignedTrust.encode({ document: bytes, signatures: [{ keyId: id, signature }] })),
    );
});

test('every single-byte flip of a signed document is refused', () => {
  const bytes = document(1);
  for (let at = 0; at < bytes.length; at += 1)
    assert.throws(() => applyTrust(PIN, flipped(bytes, at)), MusterError, `byte ${at}`);
});

const SHAPES: readonly [string, Partial<Input>][] = [
  ['a fleet id of 15 bytes', { fleetId: counting(0, 15) }],
  ['no keys', { keys: [] }],
  ['257 keys', { keys: Array.from({ length: 257 }, () => controllerKey(CONTROLLER.publicKey)) }],
  [
    'a key with a role that does not exist',
    { keys: [{ ...controllerKey(CONTROLLER.publicKey), role: 'root' }] },
  ],
  ['a key of small order', { keys: [controllerKey(new Uint8Array(32))] }],
  ['a key that is not canonical', { keys: [controllerKey(new Uint8Array(32).fill(0xff))] }],
  ['a next root of small order', { rootPublicKey: new Uint8Array(32) }],
  ['257 revoked keys', { revoked: Array.from({ length: 257 }, () => counting(0, 16)) }],
  ['a revoked key id of 15 bytes', { revoked: [counting(0, 15)] }],
  ['17 URLs', { urls: Array.from({ length: 17 }, () => 'wss://a') }],
  ['a URL of 513 characters', { urls: [`wss://${'a'.repeat(507)}`] }],
  ['an end before its beginning', { expiresAtMs: TRUST_INPUT.issuedAtMs }],
  ['an end that no Date can hold', { expiresAtMs: 9e15 }],
  ['a key that ends when no Date can say', { keys: [controllerKey(CONTROLLER.publicKey, 9e15)] }],
];

for (const [what, changes] of SHAPES)
  test(`a document with ${what} is malformed, though the root signed it`, () => {
    refused('malformed', () => applyTrust(PIN, document(1, changes)));
  });

test('a document of another version, without signatures, with nine, or with an unknown field is malformed', () => {
  const wrap = (bytes: Uint8Array, count = 1): Uint8Array =>
    SignedTrust.encode({
      document: bytes,
      signatures: Array.from({ length: count }, () => ({
        keyId: keyId('root', ROOT.publicKey),
        signature: sign(ROOT, 'trust', bytes),
      })),
    });
  const good = TrustDocument.encode({ ...TRUST_INPUT, version: 1 });
  assert.ok(applyTrust(PIN, wrap(good)));
  refused('malformed', () => applyTrust(PIN, wrap(good, 0)));
  refused('malformed', () => applyTrust(PIN, wrap(good, 9)));
  refused('malformed', () => applyTrust(PIN, wrap(TrustDocument.encode({ ...TRUST_INPUT, version: 2 }))));
  refused('malformed', () => applyTrust(PIN, wrap(concat(good, number(99, 1)))));
  refused('malformed', () => applyTrust(PIN, concat(wrap(good), number(99, 1))));
});

test('a refused document leaves the trust that was there as it was', () => {
  const trust = fold(PIN, document(3));
  const before = JSON.stringify(trust);
  assert.throws(() => applyTrust(trust, document(2)));
  assert.equal(JSON.stringify(trust), before);
});

test('a key signs the kinds of order that its document names, and no others', () => {
  const trust = fold(PIN, document(1));
  assert.deepEqual(signerOf(trust, CONTROLLER_ID, 'run', NOW_MS), {
    publicKey: trust.document?.keys[0]?.publicKey,
    role: 'controller',
  });
  assert.equal(signerOf(trust, CONTROLLER_ID, 'upgrade', NOW_MS), 'signer-not-allowed');
  const operator = signerOf(trust, OPERATOR_ID, 'run', NOW_MS);
  assert.equal(typeof operator === 'object' && operator.role, 'operator');
  assert.equal(signerOf(trust, OPERATOR_ID, 'cancel', NOW_MS), 'signer-not-allowed');
  assert.equal(signerOf(trust, RELEASE_ID, 'run', NOW_MS), 'signer-not-allowed');
  assert.equal(signerOf(trust, counting(0, 16), 'run', NOW_MS), 'signer-unknown');
  assert.equal(signerOf(PIN, CONTROLLER_ID, 'run', NOW_MS), 'signer-unknown', 'a pin alone knows no signer');
});

test('a key of one role is unknown under the key id of another', () => {
  const trust = fold(PIN, document(1));
  for (const role of ['operator', 'release', 'root'] as const)
    assert.equal(signerOf(trust, keyId(role, CONTROLLER.publicKey), 'run', NOW_MS), 'signer-unknown');
  assert.equal(controllerKeyOf(trust, OPERATOR_ID), undefined);
  assert.equal(controllerKeyOf(trust, RELEASE_ID), undefined);
});

test('a key signs until its own end, and not at it', () => {
  const trust = fold(PIN, document(1));
  const end = TRUST_INPUT.keys[1]?.notAfterMs ?? 0;
  assert.equal(typeof signerOf(trust, OPERATOR_ID, 'run', end - 1), 'object');
  assert.equal(signerOf(trust, OPERATOR_ID, 'run', end), 'signer-unknown');
});

test('after a rotation the old controller key signs until its end beside the new one', () => {
  const end = NOW_MS + 60_000;
  const keys = [controllerKey(NEXT_CONTROLLER.publicKey), controllerKey(CONTROLLER.publicKey, end)];
  const trust = fold(PIN, document(1), document(2, { keys }));
  const next = keyId('controller', NEXT_CONTROLLER.publicKey);
  for (const [id, nowMs, good] of [
    [CONTROLLER_ID, end - 1, true],
    [CONTROLLER_ID, end, false],
    [next, end - 1, true],
    [next, end, true],
  ] as const)
    assert.equal(typeof signerOf(trust, id, 'run', nowMs) === 'object', good);
});

test('a revoked controller key neither opens a session nor signs, at once, whether its entry is still there or not', () => {
  for (const keys of [TRUST_INPUT.keys, [controllerKey(NEXT_CONTROLLER.publicKey)]]) {
    const trust = fold(PIN, document(1), document(2, { keys, revoked: [CONTROLLER_ID] }));
    assert.equal(controllerKeyOf(trust, CONTROLLER_ID), undefined);
    assert.equal(signerOf(trust, CONTROLLER_ID, 'run', NOW_MS), 'signer-revoked');
    const signer = (id: Uint8Array, kind: string) => signerOf(trust, id, kind, NOW_MS);
    const plan = validPlan();
    refused('signer-revoked', () => openBundle(build(plan), { ...plan.context, signer }));
    const cancel = { ...validPlan(), order: cancelOrder() };
    refused('signer-revoked', () => openCancel(signedOrder(cancel), { ...cancel.context, signer }));
    refused('handshake-failed', () => handshake(trust));
  }
});

/** The agent's side of a handshake with the controller, under this trust. */
function handshake(trust: Trust): unknown {
  const hail = hello(
    {
      purpose: 'session',
      fleetId: FLEET,
      agentId: AGENT_ID,
      rootKeyId: trust.rootKeyId,
      trustSerial: trust.serial,
    },
    seeded('hail'),
  );
  const input = { controllerKey: CONTROLLER, trustSerial: trust.serial, timeMs: NOW_MS };
  const { body, signature } = welcome(hail.bytes, readHello(hail.bytes), input, seeded('answer'));
  return acceptWelcome(hail, body, signature, (id) => controllerKeyOf(trust, id));
}

test('a document that has expired still opens sessions and takes a newer one, and its orders are refused', () => {
  const trust = fold(PIN, document(1));
  const end = TRUST_INPUT.expiresAtMs;
  assert.equal(typeof signerOf(trust, CONTROLLER_ID, 'run', end - 1), 'object');
  assert.equal(signerOf(trust, CONTROLLER_ID, 'run', end), 'trust-expired');
  assert.ok(handshake(trust));
  const renewed = fold(trust, document(2, { expiresAtMs: end + 86_400_000 }));
  assert.equal(typeof signerOf(renewed, CONTROLLER_ID, 'run', end), 'object');
});

test('a pin opens no session: the trust document comes first', () => {
  refused('handshake-failed', () => handshake(PIN));
});
