import { applyTrust, pinned, type Trust } from '../../certs/trust.ts';
import { MusterError } from '../../proto/errors.ts';
import { fromHex, toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import { writeWhole } from './atomic-file.ts';
import { counterFile } from './counter-file.ts';
import { type Home, readText } from './home.ts';
import type { Identity, IdentityStore } from './identity.ts';
import { parseIdentity } from './identity-file.ts';

/** The identity of this home, or undefined where it has not joined. Throws MusterError for one that is damaged. */
export function readIdentity(home: Home): Identity | undefined {
  const text = readText(home.identity);
  return text === undefined ? undefined : parseIdentity(text, home.identity);
}

/** Throws MusterError('trust-rejected' | 'bad-request') for a damaged trust document. */
export function identityStore(home: Home, identity: Identity, trust: Trust): IdentityStore {
  let current = trust;
  const counter = counterFile(home.counter);
  return {
    identity,
    trust: () => current,
    saveTrust(next, signed) {
      const document = Buffer.from(signed).toString('base64');
      writeWhole(home.trust, `${JSON.stringify({ rootKeyId: toHex(next.rootKeyId), document })}\n`);
      current = next;
    },
    nextCounter: counter.next,
  };
}

/** The trust that was saved, verified again with the root that was trusted last. */
export function readTrust(home: Home, fleetId: Uint8Array): Trust {
  const text = readText(home.trust);
  if (text === undefined) throw new MusterError('bad-request', `${home.trust} is missing`);
  const { rootKeyId, document } = parseObject(text, home.trust);
  const root = typeof rootKeyId === 'string' ? fromHex(rootKeyId, LIMITS.keyIdBytes) : undefined;
  if (!root || typeof document !== 'string') throw new MusterError('bad-request', `${home.trust} is damaged`);
  return applyTrust(pinned(fleetId, root), Buffer.from(document, 'base64'));
}

export function parseObject(text: string, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new MusterError('bad-request', `${path} is damaged`);
  return value as Record<string, unknown>;
}
