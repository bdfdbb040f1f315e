import type { Clock } from '../../proto/clock.ts';
import type { KeyPair } from '../../proto/crypto.ts';
import type { RandomBytes } from '../../proto/random.ts';
import type { Database, Statement } from '../db/database.ts';

export interface EnrolmentPorts {
  clock: Clock;
  random: RandomBytes;
  db: Database;
  audit: { entry(actor: { name: string }, action: string, detail: object): Statement };
  fleet: {
    /** What a token pins, and where the controller is to be found. */
    current(): { fleetId: Uint8Array; rootKeyId: Uint8Array; urls: readonly string[] };
    controllerKey(): KeyPair;
  };
  /** The agent's row is committed; `replaced` is the agent that had its name before. */
  enrolled(agentId: string, replaced: string | undefined): Promise<void>;
}
