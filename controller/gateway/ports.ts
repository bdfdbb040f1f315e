import type { Clock } from '../../proto/clock.ts';
import type { Message, OutputMessage, StatusMessage } from '../../proto/codec.ts';
import type { KeyPair } from '../../proto/crypto.ts';
import type { RandomBytes } from '../../proto/random.ts';
import type { Log } from '../log.ts';

/** The agent that a session's proof named. */
export interface Speaker {
  agentId: string;
  epoch: string;
}

export interface SessionProof {
  epoch: string;
  counter: number;
  instance: string;
  bootId: string;
  agentVersion: string;
}

/** What the door needs of the features behind it. */
export interface GatewayPorts {
  clock: Clock;
  random: RandomBytes;
  log: Log;
  fleet: {
    fleetId: Uint8Array;
    current(): { serial: number };
    controllerKey(): KeyPair;
    documentsFor(serial: number, rootKeyId: Uint8Array): Uint8Array[];
  };
  agents: {
    signKeyOf(agentId: string): Uint8Array | undefined;
    begin(
      agentId: string,
      proof: SessionProof,
      presence: { sinceMs: number; address: string | null; clockSkewMs: number },
    ): Promise<{ receipt: { seq: number; chain: Uint8Array } | null; factsDigest: Uint8Array | null }>;
    online(agentId: string): void;
    end(agentId: string): Promise<void>;
    learn(agentId: string, digest: Uint8Array, json: Uint8Array): Promise<void>;
  };
  enrol(attempt: {
    h1: Uint8Array;
    agentId: Uint8Array;
    request: Uint8Array;
    signature: Uint8Array;
    tokenSecret: Uint8Array;
  }): Promise<{ grant: Uint8Array; signature: Uint8Array; agentId: string }>;
  jobs: {
    cursors(agentId: string): Promise<{ jobId: Uint8Array; attempt: number; position: number }[]>;
    resume(agentId: string): Promise<void>;
    words: {
      status(from: Speaker, message: StatusMessage): Promise<void>;
      output(from: Speaker, message: OutputMessage): Promise<void>;
      report(from: Speaker, message: Message<'SignedReport'>): Promise<void>;
    };
  };
  contents: {
    request(from: Speaker, message: Message<'ContentRequest'>): Promise<void>;
    /** What was asked for in a session that is over is asked for again. */
    forget(agentId: string): void;
  };
}
