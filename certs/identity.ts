import { boxKeyPair, isBoxPublicKey, isSignPublicKey, type KeyPair, signKeyPair } from '../proto/crypto.ts';
import { MusterError } from '../proto/errors.ts';
import { agentId } from '../proto/frame.ts';
import type { RandomBytes } from '../proto/random.ts';

/** An agent's keys. They are made on its own host and never leave it. */
export interface AgentKeys {
  readonly sign: KeyPair;
  readonly box: KeyPair;
}

export function makeAgentKeys(random: RandomBytes): AgentKeys {
  return { sign: signKeyPair(random(32)), box: boxKeyPair(random(32)) };
}

export interface PublicKeys {
  readonly sign: Uint8Array;
  readonly box: Uint8Array;
}

/** Keys that may enter a store: canonical, not of small order. Throws MusterError('bad-key'). */
export function acceptPublicKeys(keys: PublicKeys): PublicKeys {
  if (!isSignPublicKey(keys.sign)) throw new MusterError('bad-key', 'sign key');
  if (!isBoxPublicKey(keys.box)) throw new MusterError('bad-key', 'box key');
  return keys;
}

export function idOfAgent(fleetId: Uint8Array, signPublicKey: Uint8Array): Uint8Array {
  return agentId(fleetId, signPublicKey);
}
