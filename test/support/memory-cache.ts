import type { CacheDisk } from '../../agent/contents/ports.ts';

export interface MemoryCache extends CacheDisk {
  /** What is on it, for a test to look at and to damage. */
  readonly files: Map<string, { bytes: Buffer; usedAtMs: number }>;
  /** What `freeBytes` says; Infinity at first. */
  free: number;
  /** Thrown by the next write. */
  failure: Error | undefined;
}

/** An agent's folder of cached contents in memory; nothing real is awaited. */
export function memoryCache(nowMs: () => number): MemoryCache {
  const files: MemoryCache['files'] = new Map();
  const fileOf = (name: string) => {
    const file = files.get(name) ?? { bytes: Buffer.alloc(0), usedAtMs: nowMs() };
    files.set(name, file);
    return file;
  };
  const cache: MemoryCache = {
    files,
    free: Number.POSITIVE_INFINITY,
    failure: undefined,
    list: async () =>
      [...files].map(([name, { bytes, usedAtMs }]) => ({ name, bytes: bytes.length, usedAtMs })),
    read: async (name, at, length) =>
      Buffer.from((files.get(name)?.bytes ?? Buffer.alloc(0)).subarray(at, at + length)),
    async open(name) {
      fileOf(name);
      return {
        async write(at, data) {
          const { failure } = cache;
          cache.failure = undefined;
          if (failure) throw failure;
          const file = fileOf(name);
          const grown = Buffer.alloc(Math.max(file.bytes.length, at + data.length));
          file.bytes.copy(grown);
          grown.set(data, at);
          file.bytes = grown;
        },
        async truncate(length) {
          const file = fileOf(name);
          file.bytes = Buffer.from(file.bytes.subarray(0, length));
        },
        close: async () => {},
      };
    },
    async rename(from, to) {
      files.set(to, fileOf(from));
      files.delete(from);
    },
    async touch(name, atMs) {
      const file = files.get(name);
      if (file) file.usedAtMs = atMs;
    },
    remove: async (name) => void files.delete(name),
    pathOf: (name) => `/cache/${name}`,
    freeBytes: () => cache.free,
  };
  return cache;
}
