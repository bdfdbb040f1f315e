/** What this feature needs of others, declared at its side; `controller.ts` joins them. */
import type { Clock } from '../../proto/clock.ts';
import type { ProbeSockets } from '../../proto/probe-socket.ts';
import type { RandomBytes } from '../../proto/random.ts';
import type { Database, Statement } from '../db/database.ts';
import type { Bus } from '../events.ts';
import type { Jobs } from '../jobs/engine.ts';
import type { Actor, JobAgent, OperatorSigners } from '../jobs/ports.ts';
import type { Log } from '../log.ts';

export type { Actor } from '../jobs/ports.ts';

/** An agent as waves see it. */
export interface RolloutAgent extends JobAgent {
  readonly labels: Readonly<Record<string, string>>;
  /** What its machine says of itself: plain data. */
  readonly facts: object | undefined;
  /** Of its session, without a port. */
  readonly address: string | null;
}

interface RolloutsInventory {
  /** Active agents that are meant, by name. Throws bad-target, bad-selector, no-such-agent. */
  meant(query: {
    targets?: string | undefined;
    selector?: string | undefined;
    among?: ReadonlySet<string> | undefined;
  }): RolloutAgent[];
  get(agentId: string): RolloutAgent | undefined;
}

export interface RolloutsPorts {
  clock: Clock;
  random: RandomBytes;
  db: Database;
  bus: Bus;
  log: Log;
  audit: {
    entry(actor: { name: string }, action: string, detail: object): Statement;
    head(): Promise<{ seq: number; hash: string }>;
  };
  inventory: RolloutsInventory;
  jobs: Pick<Jobs, 'hold' | 'direct' | 'cancel'>;
  signers: OperatorSigners;
  /** Probes of the controller's own. */
  probeSockets: ProbeSockets;
  /** Throws store-full while there is no room for anything new. */
  admit(): void;
  /** 32 bytes from a file outside the database; tells requests apart. */
  jobKey: Uint8Array;
}

/** For what it does by itself. */
export const SYSTEM: Actor = { name: 'muster', role: 'admin' };
