/** Who may say what an agent becomes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openRelease, type SignedRelease, signRelease } from '../../certs/release.ts';
import { applyTrust, pinned, signTrust, type Trust } from '../../certs/trust.ts';
import { Release } from '../../proto/codec.ts';
import type { KeyPair } from '../../proto/crypto.ts';
import { type Domain, keyId, sign } from '../../proto/frame.ts';
import { LIMITS } from '../../proto/limits.ts';
import { RELEASE_VERSION } from '../../proto/version.ts';
import {
  CONTROLLER,
  concat,
  FLEET,
  flipped,
  NOW_MS,
  OPERATOR,
  RELEASE,
  ROOT,
  refused,
  signPair,
} from '../proto/fixture.ts';
import { BUILDS, TRUST_INPUT } from '../proto/signed.ts';

const SECOND = signPair('second release');
const CONTENT = { agentVersion: '1.2.3', builds: BUILDS };
const RELEASE_ID = keyId('release', RELEASE.publicKey);

function trusting(change: Partial<typeof TRUST_INPUT> = {}): Trust {
  const signed = signTrust({ ...TRUST_INPUT, ...change }, [ROOT]);
  return applyTrust(pinned(FLEET, keyId('root', ROOT.publicKey)), signed);
}
const withSecond = {
  keys: [
    ...TRUST_INPUT.keys,
    { role: 'release', publicKey: SECOND.publicKey, name: 'more', kinds: [], notAfterMs: NOW_MS + 1000 },
  ],
};
const TRUST = trusting();
const GOOD = signRelease(RELEASE, CONTENT);

const signedBy = (key: KeyPair, release: Uint8Array, domain: Domain = 'release') => ({
  keyId: keyId('release', key.publicKey),
  signature: sign(key, domain, release),
});
const withSignatures = (...signatures: SignedRelease['signatures']): SignedRelease => ({
  ...GOOD,
  signatures,
});
const open = (signed: SignedRelease, trust = TRUST, nowMs = NOW_MS) => openRelease(trust, signed, nowMs);

test('what a release key signed opens as it was', () => {
  const { agentVersion, builds } = open(GOOD);
  assert.equal(agentVersion, '1.2.3');
  assert.deepEqual(
    builds.map(({ form, arch, length }) => [form, arch, length]),
    BUILDS.map(({ form, arch, length }) => [form, arch, length]),
  );
});

test('no other key of the fleet will do, nor one that the fleet does not have', () => {
  for (const key of [CONTROLLER, OPERATOR, ROOT, SECOND])
    refused('bad-release', () => open(signRelease(key, CONTENT)));
  // Under the id of its own role neither.
  for (const [role, key] of [
    ['controller', CONTROLLER],
    ['operator', OPERATOR],
    ['root', ROOT],
  ] as const)
    refused('bad-release', () =>
      open(
        withSignatures({ keyId: keyId(role, key.publicKey), signature: sign(key, 'release', GOOD.release) }),
      ),
    );
});

test('a signature of another domain is none', () => {
  for (const domain of ['order', 'trust', 'report', 'audit', 'receipt'] as const)
    refused('bad-release', () => open(withSignatures(signedBy(RELEASE, GOOD.release, domain))));
});

test('no bit of it may be another', () => {
  for (let at = 0; at < GOOD.release.length; at += 1)
    assert.throws(() => open({ ...GOOD, release: flipped(GOOD.release, at) }));
  const [signature] = GOOD.signatures;
  assert.ok(signature);
  for (let at = 0; at < signature.signature.length; at += 1)
    refused('bad-release', () =>
      open(withSignatures({ ...signature, signature: flipped(signature.signature, at) })),
    );
});

test('several signatures count together: one that does not spoils it, none is none', () => {
  const trust = trusting(withSecond);
  const both = [signedBy(RELEASE, GOOD.release), signedBy(SECOND, GOOD.release)];
  assert.equal(open(withSignatures(...both), trust).agentVersion, '1.2.3');
  refused('bad-release', () => open(withSignatures(...both), TRUST));
  refused('bad-release', () =>
    open(withSignatures(both[0] as never, signedBy(SECOND, GOOD.release, 'order')), trust),
  );
  refused('bad-release', () => open(withSignatures()));
});

test('a key that was revoked, or whose time is over, signs no more', () => {
  const revoked = refused('bad-release', () => open(GOOD, trusting({ revoked: [RELEASE_ID] })));
  assert.match(revoked.message, /revoked/);
  const second = signRelease(SECOND, CONTENT);
  const trust = trusting(withSecond);
  assert.equal(open(second, trust, NOW_MS + 999).agentVersion, '1.2.3');
  refused('bad-release', () => open(second, trust, NOW_MS + 1000));
});

test('before the first trust document nothing counts', () => {
  refused('bad-release', () => open(GOOD, pinned(FLEET, keyId('root', ROOT.publicKey))));
});

test('builds that no agent knows, or that are named twice, are refused where they are signed and where they are opened', () => {
  const [bundle, program] = BUILDS;
  assert.ok(bundle && program);
  for (const [agentVersion, builds] of [
    ['1.2.3', []],
    ['1.2.3', [bundle, bundle]],
    ['1.2.3', [{ ...bundle, form: 'wasm' }]],
    ['1.2.3', [{ ...bundle, arch: 'x64' }]],
    ['1.2.3', [{ ...program, arch: 'riscv64' }]],
    ['1.2.3', [{ ...program, arch: '' }]],
    ['1.2.3', [{ ...program, length: 0 }]],
    ['1.2.3', [{ ...program, length: LIMITS.buildBytes + 1 }]],
    ['1.2.3', [{ ...program, sha512: program.sha512.subarray(1) }]],
    ['1.2', BUILDS],
    ['1.2.3-rc1', BUILDS],
    ['', BUILDS],
    ['9999999999.0.0', BUILDS],
  ] as const) {
    refused('malformed', () => signRelease(RELEASE, { agentVersion, builds: [...builds] }));
    const release = Release.encode({ version: RELEASE_VERSION, agentVersion, builds: [...builds] });
    refused('malformed', () => open({ release, signatures: [signedBy(RELEASE, release)] }));
  }
});

test('a format of another version, and bytes behind the end, are refused though they are signed', () => {
  const later = Release.encode({ ...CONTENT, version: RELEASE_VERSION + 1 });
  refused('bad-release', () => open({ release: later, signatures: [signedBy(RELEASE, later)] }));
  const longer = concat(GOOD.release, Uint8Array.of(0x78, 0x01));
  assert.throws(() => open({ release: longer, signatures: [signedBy(RELEASE, longer)] }), {
    name: 'MusterError',
  });
});
