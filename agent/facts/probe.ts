import type { Clock } from '../../proto/clock.ts';

/** What gathering needs of a machine. Every method may fail, and every promise may never settle. */
export interface FactSource {
  /** At most `maxBytes` of a file; undefined if it is not there or not readable. */
  readText(path: string, maxBytes: number): Promise<string | undefined>;
  exists(path: string): Promise<boolean>;
  readLink(path: string): Promise<string | undefined>;
  statfs(path: string): Promise<DiskSize | undefined>;
  networkInterfaces(): readonly NetworkAddress[];
  hostname(): string;
  /** As `uname -m`. */
  machine(): string;
  user(): { uid: number; name?: string | undefined } | undefined;
  nodeVersion(): string;
  sha512(bytes: Uint8Array): Uint8Array;
}

export interface DiskSize {
  readonly totalBytes: number;
  /** Room for those who are not root. */
  readonly availableBytes: number;
}

export interface NetworkAddress {
  readonly interface: string;
  readonly family: 'ipv4' | 'ipv6';
  readonly address: string;
  readonly prefix?: number | undefined;
  readonly mac: string;
  /** Loopback. */
  readonly internal: boolean;
}

/** A source that cannot hurt: what throws, rejects or has not answered in time is undefined, or not there. */
export interface Probe {
  attempt<T>(call: () => Promise<T> | T): Promise<T | undefined>;
  read(path: string, maxBytes?: number): Promise<string | undefined>;
  readLink(path: string): Promise<string | undefined>;
  exists(path: string): Promise<boolean>;
  /** Whether the time is up: then nothing follows from a thing that was not found. */
  late(): boolean;
  /** Ends the timer. */
  stop(): void;
}

const TEXT_BYTES = 64 * 1024;

/** One bound for everything that is asked through this probe. */
export function startProbe(source: FactSource, clock: Clock, boundMs: number): Probe {
  let late = false;
  let expire: (value: undefined) => void = () => {};
  const expired = new Promise<undefined>((resolve) => {
    expire = resolve;
  });
  const cancel = clock.after(boundMs, () => {
    late = true;
    expire(undefined);
  });
  async function attempt<T>(call: () => Promise<T> | T): Promise<T | undefined> {
    try {
      return await Promise.race([call(), expired]);
    } catch {
      return undefined;
    }
  }
  return {
    attempt,
    read: (path, maxBytes = TEXT_BYTES) => attempt(() => source.readText(path, maxBytes)),
    readLink: (path) => attempt(() => source.readLink(path)),
    exists: async (path) => (await attempt(() => source.exists(path))) === true,
    late: () => late,
    stop: cancel,
  };
}
