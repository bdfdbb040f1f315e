import { idOfAgent } from '../../certs/identity.ts';
import { boxKeyPair, signKeyPair } from '../../proto/crypto.ts';
import { MusterError } from '../../proto/errors.ts';
import { equalBytes, fromHex, toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import type { Identity } from './identity.ts';

const VERSION = 1;

/** As it stands in identity.json: ids and keys in hex, keys as their seeds. */
export function encodeIdentity(identity: Identity): string {
  const { fleetId, agentId, name, keys, urls } = identity;
  const fields = {
    version: VERSION,
    fleetId: toHex(fleetId),
    agentId: toHex(agentId),
    name,
    signKey: toHex(keys.sign.privateKey),
    boxKey: toHex(keys.box.privateKey),
    urls,
  };
  return `${JSON.stringify(fields, null, 2)}\n`;
}

/** Throws MusterError('bad-request') that names the file and the field, never its value. */
export function parseIdentity(text: string, path: string): Identity {
  const damaged = (what: string): never => {
    throw new MusterError('bad-request', `${path} is damaged: ${what}`);
  };
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return damaged('it is not JSON');
  }
  const bytes = (name: string, length: number): Uint8Array => {
    const value = fields[name];
    return (typeof value === 'string' ? fromHex(value, length) : undefined) ?? damaged(name);
  };
  if (fields.version !== VERSION) return damaged('version');
  const { name, urls } = fields;
  if (typeof name !== 'string') return damaged('name');
  if (!Array.isArray(urls) || !urls.every((url): url is string => typeof url === 'string'))
    return damaged('urls');
  const sign = signKeyPair(bytes('signKey', LIMITS.publicKeyBytes));
  const box = boxKeyPair(bytes('boxKey', LIMITS.publicKeyBytes));
  const fleetId = bytes('fleetId', LIMITS.keyIdBytes);
  const agentId = bytes('agentId', LIMITS.keyIdBytes);
  if (!equalBytes(agentId, idOfAgent(fleetId, sign.publicKey))) return damaged('agentId');
  return { fleetId, agentId, name, keys: { sign, box }, urls };
}
