import type { Destination } from '../host.ts';

/** What is thought of a host's key, before anything is said to that host. */
export interface HostKeys {
  /** The algorithms to ask for, those of keys that are known first; undefined: any. */
  algorithms(of: Destination): Promise<string[] | undefined>;
  /**
   * Of a key that the host shows, not proven yet. Resolves to what is to be done once it is, such as to remember it.
   * Throws HostFailure: key-unknown, key-changed, key-revoked.
   */
  judge(of: Destination, key: Buffer, signal: AbortSignal): Promise<() => Promise<void>>;
  fingerprint(key: Buffer): string;
}
