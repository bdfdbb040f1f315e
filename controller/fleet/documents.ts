/** Which trust documents there must be, and which of them an agent lacks. Pure. */
import { applyTrust, pinned, type Trust, type TrustInput } from '../../certs/trust.ts';
import { MusterError } from '../../proto/errors.ts';
import { equalBytes } from '../../proto/ids.ts';

const DAY_MS = 86_400_000;
export const VALID_MS = 365 * DAY_MS;
export const WARN_MS = 30 * DAY_MS;

/** What a controller's key may sign. */
export const CONTROLLER_KINDS: readonly string[] = ['run', 'cancel', 'upgrade', 'uninstall'];

export interface StoredDocument {
  serial: number;
  /** Signed, as it travels. */
  bytes: Uint8Array;
  changesRoot: boolean;
}

/** The documents folded; each must follow from the one before. Throws MusterError('trust-rejected'). */
export function fold(fleetId: Uint8Array, documents: readonly StoredDocument[]): Trust {
  return documents.reduce((trust, document) => applyTrust(trust, document.bytes), pinned(fleetId, fleetId));
}

export interface Wanted {
  rootPublicKey: Uint8Array;
  controllerPublicKey: Uint8Array;
  /** Undefined: the release key is not here; those that were named before stay. */
  releasePublicKey: Uint8Array | undefined;
  urls: readonly string[];
  nowMs: number;
}

/** The document that has to be signed now, or undefined: there is none yet, the URLs, a key or what it may sign changed, or half its life is over. */
export function nextDocument(trust: Trust, wanted: Wanted): TrustInput | undefined {
  const { document } = trust;
  const same =
    document !== undefined &&
    document.urls.join('\n') === wanted.urls.join('\n') &&
    document.keys.some(
      (key) =>
        key.role === 'controller' &&
        equalBytes(key.publicKey, wanted.controllerPublicKey) &&
        CONTROLLER_KINDS.every((kind) => key.kinds.includes(kind)),
    ) &&
    names(document.keys, wanted.releasePublicKey) &&
    wanted.nowMs < (document.issuedAtMs + document.expiresAtMs) / 2;
  if (same) return undefined;
  const controller = {
    role: 'controller',
    publicKey: wanted.controllerPublicKey,
    name: 'controller',
    kinds: [...CONTROLLER_KINDS],
    notAfterMs: 0,
  };
  const others = document?.keys.filter((key) => !equalBytes(key.publicKey, wanted.controllerPublicKey)) ?? [];
  const { releasePublicKey } = wanted;
  const release =
    releasePublicKey === undefined || names(others, releasePublicKey)
      ? []
      : [{ role: 'release', publicKey: releasePublicKey, name: 'release', kinds: [], notAfterMs: 0 }];
  return {
    fleetId: trust.fleetId,
    serial: trust.serial + 1,
    issuedAtMs: wanted.nowMs,
    expiresAtMs: wanted.nowMs + VALID_MS,
    rootPublicKey: wanted.rootPublicKey,
    keys: [controller, ...others, ...release],
    urls: [...wanted.urls],
    minimumAgentVersion: document?.minimumAgentVersion ?? '',
    revoked: document?.revoked ?? [],
  };
}

/** The document that says what the last one does but for `changes`. Throws MusterError('internal') before the first one. */
export function amended(
  { document, serial }: Trust,
  changes: Pick<TrustInput, 'keys' | 'revoked'>,
  nowMs: number,
): TrustInput {
  if (!document) throw new MusterError('internal', 'there is no trust document yet');
  const { version: _, ...input } = document;
  return { ...input, ...changes, serial: serial + 1, issuedAtMs: nowMs, expiresAtMs: nowMs + VALID_MS };
}

type Keys = TrustInput['keys'];

function names(keys: Keys, releasePublicKey: Uint8Array | undefined): boolean {
  if (releasePublicKey === undefined) return true;
  return keys.some((key) => key.role === 'release' && equalBytes(key.publicKey, releasePublicKey));
}

/**
 * What an agent that is at `serial` and trusts the root `rootKeyId` has to be sent: every later document that changes the root,
 * and the last one. An agent that has none yet begins with the first document of the root that it was given.
 */
export function lacking(
  documents: readonly StoredDocument[],
  serial: number,
  isOfRoot: (document: StoredDocument) => boolean,
): Uint8Array[] {
  const from = serial > 0 ? serial : (documents.find(isOfRoot)?.serial ?? 1) - 1;
  const later = documents.filter((document) => document.serial > from);
  return later
    .filter(
      (document, index) =>
        document.changesRoot || index === later.length - 1 || (serial === 0 && index === 0),
    )
    .map((document) => document.bytes);
}
