/** What this part needs of others, declared at its side; run.ts joins them. */
import type { Clock } from '../../proto/clock.ts';
import type { Log } from '../log.ts';

/** Content that an order names and does not hold. */
export interface ContentName {
  /** 64 bytes, of the plain bytes. */
  readonly sha512: Uint8Array;
  readonly length: number;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** A plain file with the content; it stays as it is until `release`, which may be called twice. */
export interface Fetched {
  readonly path: string;
  release(): void;
}

/** One folder of files. Rejects with what the disk says. */
export interface CacheDisk {
  list(): Promise<{ name: string; bytes: number; usedAtMs: number }[]>;
  /** What there is of `length` bytes from `at`. */
  read(name: string, at: number, length: number): Promise<Uint8Array>;
  /** Made where it is not there; otherwise as it is. */
  open(name: string): Promise<CacheFile>;
  /** In place of what has that name. */
  rename(from: string, to: string): Promise<void>;
  touch(name: string, atMs: number): Promise<void>;
  /** A file that is not there is as good as removed. */
  remove(name: string): Promise<void>;
  pathOf(name: string): string;
  freeBytes(): number;
}

export interface CacheFile {
  write(at: number, bytes: Uint8Array): Promise<void>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

export interface CacheLimits {
  /** Kept when nobody uses it; what is in use may be more. */
  readonly quotaBytes: number;
  /** Free space that is left to others. */
  readonly reserveBytes: number;
}

export interface ContentPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly disk: CacheDisk;
  readonly limits: CacheLimits;
}
