/** Which documents there must be, and which an agent is sent: held against what agents take. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyTrust, controllerKeyOf, pinned, signTrust, type Trust } from '../../../certs/trust.ts';
import {
  CONTROLLER_KINDS,
  fold,
  lacking,
  nextDocument,
  type StoredDocument,
  VALID_MS,
  type Wanted,
} from '../../../controller/fleet/documents.ts';
import type { KeyPair } from '../../../proto/crypto.ts';
import { keyId } from '../../../proto/frame.ts';
import { CONTROLLER, FLEET, NEXT_ROOT, NOW_MS, RELEASE, ROOT, signPair } from '../../proto/fixture.ts';

const ROOT_ID = keyId('root', ROOT.publicKey);
const WANTED: Wanted = {
  rootPublicKey: ROOT.publicKey,
  controllerPublicKey: CONTROLLER.publicKey,
  releasePublicKey: RELEASE.publicKey,
  urls: ['https://a:1'],
  nowMs: NOW_MS,
};

/** Signs whatever has to be signed, as the controller does. */
function history(...wishes: (Partial<Wanted> & { roots?: KeyPair[] })[]): StoredDocument[] {
  const documents: StoredDocument[] = [];
  let trust: Trust = pinned(FLEET, ROOT_ID);
  for (const { roots = [ROOT], ...wish } of wishes) {
    const next = nextDocument(trust, { ...WANTED, ...wish });
    assert.ok(next, 'there is nothing to be signed');
    const bytes = signTrust(next, roots);
    const before = trust.rootKeyId;
    trust = applyTrust(trust, bytes);
    const changesRoot = documents.length === 0 || Buffer.compare(before, trust.rootKeyId) !== 0;
    documents.push({ serial: next.serial, bytes, changesRoot });
  }
  return documents;
}

const walk = (from: Trust, documents: readonly Uint8Array[]): Trust => documents.reduce(applyTrust, from);
const first = (root: KeyPair) => (document: StoredDocument) => {
  try {
    applyTrust(pinned(FLEET, keyId('root', root.publicKey)), document.bytes);
    return true;
  } catch {
    return false;
  }
};

test('a document is signed for new addresses, a new key, a new release key and at half its life, and for nothing else', () => {
  const documents = history({});
  const trust = fold(FLEET, documents);
  const next = (change: Partial<Wanted>) => nextDocument(trust, { ...WANTED, ...change });
  assert.equal(next({}), undefined);
  assert.equal(next({ releasePublicKey: undefined }), undefined, 'a key that is away is not taken out');
  assert.equal(next({ nowMs: NOW_MS + VALID_MS / 2 - 1 }), undefined);
  assert.equal(next({ nowMs: NOW_MS + VALID_MS / 2 })?.expiresAtMs, NOW_MS + VALID_MS * 1.5);
  assert.deepEqual(next({ urls: ['https://b:1', 'https://a:1'] })?.urls, ['https://b:1', 'https://a:1']);
  const another = signPair('another');
  assert.ok(next({ controllerPublicKey: another.publicKey }));
  const keys = next({ releasePublicKey: another.publicKey })?.keys ?? [];
  assert.deepEqual(
    keys.map(({ role }) => role),
    ['controller', 'release', 'release'],
  );
});

test('the controller may order all that there is, and nothing is signed by a release key but releases', () => {
  const { document } = fold(FLEET, history({}));
  const [controller, release] = document?.keys ?? [];
  assert.deepEqual(controller?.kinds, ['run', 'cancel', 'upgrade', 'uninstall']);
  assert.deepEqual([...CONTROLLER_KINDS], controller?.kinds);
  assert.deepEqual([release?.role, release?.kinds], ['release', []]);
});

test('a chain is walked from any place to its end, over every change of the root', () => {
  const third = signPair('third root');
  const documents = history(
    {},
    { urls: ['https://b:1'] },
    { urls: ['https://c:1'], rootPublicKey: NEXT_ROOT.publicKey, roots: [ROOT, NEXT_ROOT] },
    { urls: ['https://d:1'], rootPublicKey: NEXT_ROOT.publicKey, roots: [NEXT_ROOT] },
    { urls: ['https://e:1'], rootPublicKey: third.publicKey, roots: [NEXT_ROOT, third] },
    { urls: ['https://f:1'], rootPublicKey: third.publicKey, roots: [third] },
  );
  const end = fold(FLEET, documents);
  assert.deepEqual(end.rootKeyId, keyId('root', third.publicKey));
  const serials = (sent: Uint8Array[]) =>
    sent.map((bytes) => documents.find((one) => one.bytes === bytes)?.serial);
  for (let serial = 1; serial <= documents.length; serial += 1) {
    const at = fold(FLEET, documents.slice(0, serial));
    const sent = lacking(documents, serial, first(ROOT));
    assert.deepEqual(walk(at, sent), end, `from ${serial}: ${serials(sent)}`);
  }
  assert.deepEqual(serials(lacking(documents, 1, first(ROOT))), [3, 5, 6], 'what changes nothing is skipped');
  assert.deepEqual(lacking(documents, 6, first(ROOT)), []);
  // Those who were given one of the roots, and have no document yet.
  for (const root of [ROOT, third]) {
    const pin = pinned(FLEET, keyId('root', root.publicKey));
    const trust = walk(pin, lacking(documents, 0, first(root)));
    assert.equal(trust.serial, 6);
    assert.ok(controllerKeyOf(trust, keyId('controller', CONTROLLER.publicKey)));
  }
});
