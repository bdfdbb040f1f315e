/** What this feature needs of others, declared at its side; `serve.ts` joins them. */

import type { Clock } from '../../proto/clock.ts';
import type { FrameInput, FrameKind, Message, SignatureMessage } from '../../proto/codec.ts';
import type { KeyPair } from '../../proto/crypto.ts';
import type { RandomBytes } from '../../proto/random.ts';
import type { Database, Statement } from '../db/database.ts';
import type { Bus } from '../events.ts';
import type { Log } from '../log.ts';

export interface Actor {
  name: string;
  role: 'viewer' | 'runner' | 'admin';
}

/** An agent as jobs see it. */
export interface JobAgent {
  id: string;
  name: string;
  epoch: string;
  signKey: Uint8Array;
  boxKey: Uint8Array;
  online: boolean;
  /** When its last session ended; null when it never had one. */
  lastSeenMs: number | null;
}

/** The agents' door, as jobs use it. */
export interface AgentLinks {
  /** Puts a frame on the agent's session; false where there is none. It may still be lost: word comes by frames. */
  send<K extends FrameKind>(agentId: string, kind: K, value: FrameInput<K>): boolean;
  /** Bytes that wait to be sent on the agent's session; 0 where there is none. */
  buffered(agentId: string): number;
}

export interface JobsInventory {
  /** Active agents that targets and selector mean, by name. Throws bad-target, bad-selector, bad-limit, no-such-agent. */
  meant(query: {
    targets?: string | undefined;
    selector?: string | undefined;
    limit?: string | undefined;
    seed?: number | undefined;
    /** Only these ids; without targets and selector all of them. */
    among?: ReadonlySet<string> | undefined;
  }): JobAgent[];
  /** All of them, whatever their state. Throws as `meant`. */
  list(query: { targets?: string | undefined; selector?: string | undefined }): JobAgent[];
  get(agentId: string): JobAgent | undefined;
  /** How far an agent's report chain is stored, read and moved inside the transaction that stores the next report. */
  reportStored(
    agentId: string,
    epoch: string,
    seq: number,
    chain: Uint8Array,
    previous: Uint8Array,
  ): Statement;
  /** Cuts an agent off whose word cannot be trusted. */
  quarantine(agentId: string, why: string): Promise<void>;
}

/** The large contents that the tasks of a job name. */
export interface Named {
  contents: readonly Message<'Content'>[];
  /** Each the content of a TreeManifest, whose entries name more. */
  manifests: readonly Message<'Content'>[];
}

/** Large contents, as jobs use them. */
export interface JobContents {
  /**
   * Holds what a job names against what was uploaded, and says how to record it in the job's batch, behind its row.
   * Throws no-such-content, bad-request.
   */
  claim(jobId: string, named: Named): Promise<readonly Statement[]>;
  /** The key of a content that is here, in hex. */
  keyOf(sha512: string): Promise<string | undefined>;
}

/** Operators' own keys, as the trust document has them now. */
export interface OperatorSigners {
  /** Throws signer-unknown, signer-revoked, signer-not-allowed, trust-expired. */
  checkSigner(by: string, keyId: Uint8Array, kind: string): void;
  /** Throws as checkSigner; order-signature. */
  checkSignature(by: string, order: { order: Uint8Array; kind: string }, signature: SignatureMessage): void;
}

export interface JobsPorts {
  clock: Clock;
  random: RandomBytes;
  db: Database;
  bus: Bus;
  log: Log;
  links: AgentLinks;
  inventory: JobsInventory;
  contents: JobContents;
  audit: { entry(actor: { name: string }, action: string, detail: object): Statement };
  /** Throws store-full while there is no room for a new job. */
  admit(): void;
  fleetId: Uint8Array;
  /** Signs what the controller orders. */
  controllerKey(): KeyPair;
  signers: OperatorSigners;
  /** 32 bytes from a file outside the database; seals K of unfinished jobs. */
  jobKey: Uint8Array;
}
