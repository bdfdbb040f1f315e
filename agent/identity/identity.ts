import type { AgentKeys } from '../../certs/identity.ts';
import type { Trust } from '../../certs/trust.ts';

/** What an agent is, once it has joined. */
export interface Identity {
  readonly fleetId: Uint8Array;
  readonly agentId: Uint8Array;
  readonly name: string;
  readonly keys: AgentKeys;
  /** Where controllers were said to listen when it joined; the trust document's come first. */
  readonly urls: readonly string[];
}

/** An identity with the state that goes with it. Every change is durable when the method returns, or throws 'journal-failed'. */
export interface IdentityStore {
  readonly identity: Identity;
  trust(): Trust;
  /** `signed` are the bytes that made `trust` of the one before. */
  saveTrust(trust: Trust, signed: Uint8Array): void;
  /** A number greater than every one before it, also those of earlier processes; gaps are normal. */
  nextCounter(): number;
}
