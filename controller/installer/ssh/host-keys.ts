import type { RandomBytes } from '../../../proto/random.ts';
import { HostFailure } from '../failure.ts';
import type { Destination } from '../host.ts';
import {
  authorityFor,
  fingerprintOf,
  type Judgement,
  judgeHostKey,
  type KnownHosts,
  keyTypeOf,
  knownAlgorithms,
  lineFor,
  readKnownHosts,
} from './known-hosts.ts';

/** What is thought of a host's key, before anything is said to that host. */
export interface HostKeys {
  /** The algorithms to ask for, those of keys that are known first. */
  algorithms(of: Destination): Promise<readonly HostKeyAlgorithm[]>;
  /**
   * Of a key that the host shows, not proven yet. Resolves to what is to be done once it is, such as to remember it.
   * Throws HostFailure: key-unknown, key-changed, key-revoked.
   */
  judge(of: Destination, key: Uint8Array, signal: AbortSignal): Promise<() => Promise<void>>;
}

/** `accept-new` takes the key of a host of which none is known; `ask` lets the operator compare. */
export const HOST_KEY_POLICIES = ['strict', 'accept-new', 'ask'] as const;
export type HostKeyPolicy = (typeof HOST_KEY_POLICIES)[number];

/** A key that nobody knows yet. */
export interface NewHostKey {
  /** Of the host, as it was written. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly keyType: string;
  /** `SHA256:…` */
  readonly fingerprint: string;
}

export interface HostKeysPorts {
  readonly policy: HostKeyPolicy;
  readonly random: RandomBytes;
  /** Undefined: it is not there. Rejects where it cannot be read. */
  readKnown(file: string): Promise<string | undefined>;
  /** Adds a line at the end, durably. */
  addKnown(file: string, line: string): Promise<void>;
  /** One question at a time, whoever asks. */
  confirm(key: NewHostKey, signal: AbortSignal): Promise<boolean>;
  /** A key was accepted; `file`: where it is known from now on. */
  accepted(key: NewHostKey, file: string | undefined): void;
}

export type HostKeyAlgorithm = (typeof ALGORITHMS)[number];
/** Without those that sign with SHA-1. */
const ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const;

export function createHostKeys(ports: HostKeysPorts): HostKeys {
  const read = new Map<string, Promise<KnownHosts>>();
  /** Lines that the operator said yes to, whatever became of the connection. */
  const confirmed = new Set<string>();
  let turn: Promise<unknown> = Promise.resolve();

  /** Each file is read once in a run, and again when something was added. */
  async function known(of: Destination): Promise<KnownHosts> {
    const files = [...of.userKnownHostsFiles, ...of.globalKnownHostsFiles];
    const all = await Promise.all(
      files.map((file) => {
        const hosts = read.get(file) ?? load(file);
        read.set(file, hosts);
        return hosts;
      }),
    );
    return { entries: all.flatMap(({ entries }) => entries), notes: all.flatMap(({ notes }) => notes) };
  }

  async function load(path: string): Promise<KnownHosts> {
    try {
      const text = await ports.readKnown(path);
      return readKnownHosts(text === undefined ? [] : [{ path, text }]);
    } catch (error) {
      throw new HostFailure('key-unknown', `${path}: ${(error as Error).message}`, { cause: error });
    }
  }

  /** One after the other: two entries for one host are asked about once, and two keys for one name are never both new. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work);
    turn = mine.catch(() => {});
    return mine;
  }

  /** Whether it is known already. */
  async function check(of: Destination, key: Uint8Array): Promise<boolean> {
    const hosts = await known(of);
    const judgement = judgeHostKey(hosts, of, key);
    switch (judgement.is) {
      case 'known':
        return true;
      case 'unknown':
        return false;
      case 'revoked':
        throw new HostFailure('key-revoked', `${judgement.where}: ${shown(key)}`);
      case 'changed':
        throw new HostFailure('key-changed', changed(hosts, judgement, key));
    }
  }

  async function remember(of: Destination, key: Uint8Array, told: NewHostKey): Promise<void> {
    if (await check(of, key)) return;
    const [file] = of.userKnownHostsFiles;
    if (file !== undefined) {
      try {
        const text = (await ports.readKnown(file)) ?? '';
        // A file that hides its names goes on to do so.
        const hidden = of.hashKnownHosts || /^(?:@\S+\s+)?\|1\|/m.test(text);
        const line = lineFor(of, key, hidden ? ports.random : undefined);
        await ports.addKnown(file, line);
      } catch (error) {
        throw new HostFailure('key-unknown', `it cannot be recorded: ${(error as Error).message}`, {
          cause: error,
        });
      }
      read.delete(file);
    }
    ports.accepted(told, file);
  }

  return {
    async algorithms(of) {
      const first = knownAlgorithms(await known(of), of);
      const isFirst = (one: string): boolean => first.includes(one);
      return [...ALGORITHMS.filter(isFirst), ...ALGORITHMS.filter((one) => !isFirst(one))];
    },

    async judge(of, key, signal) {
      if (await check(of, key)) return async () => {};
      const told = {
        name: of.name,
        host: of.host,
        port: of.port,
        keyType: keyTypeOf(key),
        fingerprint: fingerprintOf(key),
      };
      if (ports.policy === 'strict' || of.strictHostKeys) {
        const authority = authorityFor(await known(of), of);
        const hint =
          authority === undefined ? '' : `; ${authority} names an authority, which is not taken here`;
        throw new HostFailure('key-unknown', `${shown(key)}${hint}`);
      }
      if (ports.policy === 'ask') {
        await inTurn(async () => {
          signal.throwIfAborted();
          if (confirmed.has(lineFor(of, key)) || (await check(of, key))) return;
          if (!(await ports.confirm(told, signal)))
            throw new HostFailure('key-unknown', `${shown(key)}: not accepted`);
          confirmed.add(lineFor(of, key));
        });
      }
      return () => inTurn(() => remember(of, key, told));
    },
  };
}

const shown = (key: Uint8Array): string => `${keyTypeOf(key)} ${fingerprintOf(key)}`;

function changed(
  hosts: KnownHosts,
  { where, keyType }: Judgement & { is: 'changed' },
  key: Uint8Array,
): string {
  const old = hosts.entries.find((entry) => entry.where === where && entry.keyType === keyType);
  return `${where} has ${old ? shown(old.keyBlob) : keyType}, the host shows ${shown(key)}`;
}
