/**
 * Builds of the agent.
 *
 *   root key --signs--> trust document: release keys     release key --signs--> release: version, form, arch and digest of each build
 *
 * An order to upgrade says when; a release says what. An agent takes a build that both allow, and never one of a lower version.
 */
import { type Encodable, type Message, Release, type SignatureMessage } from '../proto/codec.ts';
import type { KeyPair } from '../proto/crypto.ts';
import { MusterError } from '../proto/errors.ts';
import { keyId, sign, verify } from '../proto/frame.ts';
import { checkRelease } from '../proto/validate-order.ts';
import { RELEASE_VERSION } from '../proto/version.ts';
import { releaseKeyOf, type Trust } from './trust.ts';

export type ReleaseContent = Omit<Message<'Release'>, 'version'>;

export interface SignedRelease {
  readonly release: Uint8Array;
  readonly signatures: readonly SignatureMessage[];
}

/** Throws MusterError('malformed') for builds that no agent would take. */
export function signRelease(
  key: KeyPair,
  content: ReleaseContent & Encodable<ReleaseContent>,
): SignedRelease {
  const release = Release.encode({ ...content, version: RELEASE_VERSION });
  checkRelease(Release.decode(release));
  return {
    release,
    signatures: [{ keyId: keyId('release', key.publicKey), signature: sign(key, 'release', release) }],
  };
}

/**
 * What was signed, by a release key of this trust document. Every signature must be one that counts. Throws MusterError:
 * malformed, bad-release.
 */
export function openRelease(trust: Trust, signed: SignedRelease, nowMs: number): ReleaseContent {
  const release = Release.decode(signed.release);
  if (signed.signatures.length === 0) throw new MusterError('bad-release', 'nobody signed it');
  for (const { keyId: id, signature } of signed.signatures) {
    const key = releaseKeyOf(trust, id, nowMs);
    if (typeof key === 'string') throw new MusterError('bad-release', key);
    if (!verify(key, signature, 'release', signed.release))
      throw new MusterError('bad-release', 'the signature does not verify');
  }
  if (release.version !== RELEASE_VERSION)
    throw new MusterError('bad-release', 'it is of a format that this agent does not know');
  checkRelease(release);
  return release;
}
