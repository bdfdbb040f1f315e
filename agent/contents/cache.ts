import { MusterError } from '../../proto/errors.ts';
import type { ContentPorts, Fetched } from './ports.ts';

/**
 * What is kept of fetched contents, by digest: whole files, and the beginnings of those that are not whole yet. The
 * folder is the truth, a file's time is when it was used last. What was not used for longest goes first, and never what is in use.
 */
export interface Cache {
  /** Undefined where it is not there. */
  bytesOf(name: string): Promise<number | undefined>;
  /**
   * Room for `bytes` more on the disk, at the cost of what nobody uses. Throws MusterError('disk-reserve') where that does not
   * leave enough to others.
   */
  makeRoom(bytes: number): Promise<void>;
  /** Stays until it is released, also under the name that it gets by `rename`. */
  hold(name: string): Fetched;
  /** It has this many bytes now. */
  has(name: string, bytes: number): void;
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
}

interface Entry {
  bytes: number;
  usedAtMs: number;
  holds: number;
}

export function createCache(ports: Pick<ContentPorts, 'clock' | 'log' | 'disk' | 'limits'>): Cache {
  const { clock, log, disk, limits } = ports;
  const entries = new Map<string, Entry>();
  let loading: Promise<void> | undefined;

  /** At the first use: an agent that never fetches anything never looks. */
  function load(): Promise<void> {
    loading ??= read().catch((cause: unknown) => {
      loading = undefined;
      throw cause;
    });
    return loading;
  }

  async function read(): Promise<void> {
    for (const { name, bytes, usedAtMs } of await disk.list())
      if (!entries.has(name)) entries.set(name, { bytes, usedAtMs, holds: 0 });
  }

  function entryOf(name: string): Entry {
    const entry = entries.get(name) ?? { bytes: 0, usedAtMs: clock.now(), holds: 0 };
    entries.set(name, entry);
    return entry;
  }

  function total(): number {
    let bytes = 0;
    for (const entry of entries.values()) bytes += entry.bytes;
    return bytes;
  }

  /** The one that was not used for longest, of those that nobody uses. */
  function oldest(): string | undefined {
    let found: { name: string; usedAtMs: number } | undefined;
    for (const [name, { usedAtMs, holds }] of entries)
      if (holds === 0 && (!found || usedAtMs < found.usedAtMs)) found = { name, usedAtMs };
    return found?.name;
  }

  async function remove(name: string): Promise<void> {
    const entry = entries.get(name);
    if (entry?.holds) entry.bytes = 0;
    else entries.delete(name);
    await disk.remove(name);
  }

  /** Removes what nobody uses until there is enough; false where that is not enough. */
  async function evictUntil(isEnough: () => boolean): Promise<boolean> {
    while (!isEnough()) {
      const name = oldest();
      if (name === undefined) return false;
      await remove(name);
      log.debug({ content: name.slice(0, 16) }, 'cached content removed');
    }
    return true;
  }

  function release(entry: Entry): void {
    entry.holds -= 1;
    if (entry.holds > 0 || total() <= limits.quotaBytes) return;
    evictUntil(() => total() <= limits.quotaBytes).catch((cause) =>
      log.warn({ cause: String(cause) }, 'cached content not removed'),
    );
  }

  return {
    async bytesOf(name) {
      await load();
      return entries.get(name)?.bytes;
    },
    async makeRoom(bytes) {
      await load();
      await evictUntil(() => total() + bytes <= limits.quotaBytes);
      if (await evictUntil(() => disk.freeBytes() - bytes >= limits.reserveBytes)) return;
      throw new MusterError('disk-reserve', `the content needs ${bytes} bytes more`);
    },
    hold(name) {
      const entry = entryOf(name);
      entry.holds += 1;
      entry.usedAtMs = clock.now();
      disk.touch(name, entry.usedAtMs).catch(() => {});
      let held = true;
      return {
        path: disk.pathOf(name),
        release() {
          if (held) release(entry);
          held = false;
        },
      };
    },
    has: (name, bytes) => {
      entryOf(name).bytes = bytes;
    },
    async rename(from, to) {
      await disk.rename(from, to);
      const entry = entries.get(from);
      entries.delete(from);
      if (entry) entries.set(to, entry);
    },
    remove,
  };
}
