import { HostFailure } from '../failure.ts';
import { fingerprintOf } from './known-hosts.ts';

/**
 * What a connection knows of its host's key: `unseen`, then `judged` when the host has shown it and it is no stranger's, then `proven`
 * when the handshake was signed by it. ssh2 asks about a key before that signature is looked at, so nothing is remembered of a key
 * that is only judged, and nothing of ours is said to its host.
 */
export interface KeyCheck {
  /**
   * Of keys that are exchanged again, as they are every now and then: whether the host stayed the same; undefined at the first time. Not
   * to be waited for: ssh2 would send data in the middle of that exchange, and the host hang up.
   */
  isSame(key: Buffer): boolean | undefined;
  /** Throws HostFailure: key-…. */
  show(key: Buffer): Promise<void>;
  /** The handshake is complete. */
  proven(): void;
  /** Before anything of ours is said. Throws HostFailure('handshake') where it is not proven, or what remembering throws. */
  settle(): Promise<void>;
  readonly isProven: boolean;
  /** Of the proven key. */
  fingerprint(): string;
}

export function checkKey(judge: (key: Buffer) => Promise<() => Promise<void>>): KeyCheck {
  let shown: Buffer | undefined;
  let remember: (() => Promise<void>) | undefined;
  let isProven = false;
  function provenKey(): Buffer {
    if (!isProven || !shown) throw new HostFailure('handshake', 'it wants to go on before its key is proven');
    return shown;
  }
  return {
    isSame: (key) => shown?.equals(key),
    async show(key) {
      shown = key;
      remember = await judge(key);
    },
    proven() {
      isProven = remember !== undefined;
    },
    async settle() {
      provenKey();
      const doing = remember;
      remember = async () => {};
      await doing?.();
    },
    get isProven() {
      return isProven;
    },
    fingerprint: () => fingerprintOf(provenKey()),
  };
}
