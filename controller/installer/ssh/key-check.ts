import { HostFailure } from '../failure.ts';
import { fingerprintOf } from './known-hosts.ts';

/**
 * What a connection knows of its host's key: `unseen`, then `judged` when the host has shown it and it is no stranger's, then `proven`
 * when the handshake was signed by it. ssh2 asks about a key before that signature is looked at, so nothing is remembered of a key
 * that is only judged, and nothing of ours is said to its host.
 */
export interface KeyCheck {
  /** Whether it may go on with this key. Throws HostFailure: key-…. */
  show(key: Buffer): Promise<boolean>;
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
    async show(key) {
      // Keys are exchanged again every now and then, and the host stays the same.
      if (shown) return shown.equals(key);
      shown = key;
      remember = await judge(key);
      return true;
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
