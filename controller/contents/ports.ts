/** What this feature needs of others, declared at its side; `controller.ts` joins them. */
import type { Clock } from '../../proto/clock.ts';
import type { FrameInput, FrameKind } from '../../proto/codec.ts';
import type { RandomBytes } from '../../proto/random.ts';
import type { Database, Statement } from '../db/database.ts';
import type { Log } from '../log.ts';

/** A folder of sealed contents. Names are digests in hex. All of it rejects with what the disk says. */
export interface ContentDisk {
  /** Undefined where there is no such file. */
  size(name: string): Promise<number | undefined>;
  /** What there is of `length` bytes from `at`. */
  read(name: string, at: number, length: number): Promise<Uint8Array>;
  /** Made where it is not there. */
  open(name: string): Promise<ContentFile>;
  /** A file that is not there is as good as removed. */
  remove(name: string): Promise<void>;
  names(): Promise<string[]>;
  /** Room for others than root; Infinity where nobody knows. */
  freeBytes(): Promise<number>;
}

export interface ContentFile {
  write(at: number, bytes: Uint8Array): Promise<void>;
  truncate(length: number): Promise<void>;
  /** Afterwards it is there with what was written, also after a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** The agents' door, as contents use it. */
export interface ContentLinks {
  /** False where the agent has no session. */
  send<K extends FrameKind>(agentId: string, kind: K, value: FrameInput<K>): boolean;
  /** Bytes that wait to be sent on the agent's session; 0 where there is none. */
  buffered(agentId: string): number;
}

export interface ContentPorts {
  clock: Clock;
  random: RandomBytes;
  db: Database;
  log: Log;
  disk: ContentDisk;
  links: ContentLinks;
  audit: { entry(actor: { name: string }, action: string, detail: object): Statement };
  /** Free space of the disk that no upload may take. */
  reserveBytes: number;
  /** 32 bytes from a file outside the database; seals the key of each content. */
  sealingKey: Uint8Array;
}
