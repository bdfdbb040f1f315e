import type { ContentDisk } from '../../controller/contents/ports.ts';

export interface MemoryDisk extends ContentDisk {
  /** What is on it, for a test to look at and to damage. */
  readonly files: Map<string, Buffer>;
  /** What `freeBytes` says; Infinity at first. */
  free: number;
  /** Reads and writes that were asked for. */
  calls: number;
  /** Thrown by the next write. */
  failure: Error | undefined;
}

/** The controller's folder of contents in memory; nothing real is awaited. */
export function memoryDisk(): MemoryDisk {
  const files = new Map<string, Buffer>();
  const disk: MemoryDisk = {
    files,
    free: Number.POSITIVE_INFINITY,
    calls: 0,
    failure: undefined,
    size: async (name) => files.get(name)?.length,
    async read(name, at, length) {
      disk.calls += 1;
      const bytes = files.get(name);
      if (!bytes) throw Object.assign(new Error(`no ${name}`), { code: 'ENOENT' });
      return Buffer.from(bytes.subarray(at, at + length));
    },
    async open(name) {
      if (!files.has(name)) files.set(name, Buffer.alloc(0));
      const bytes = (): Buffer => files.get(name) ?? Buffer.alloc(0);
      return {
        async write(at, data) {
          disk.calls += 1;
          const { failure } = disk;
          disk.failure = undefined;
          if (failure) throw failure;
          const grown = Buffer.alloc(Math.max(bytes().length, at + data.length));
          bytes().copy(grown);
          grown.set(data, at);
          files.set(name, grown);
        },
        truncate: async (length) => void files.set(name, Buffer.from(bytes().subarray(0, length))),
        sync: async () => {},
        close: async () => {},
      };
    },
    remove: async (name) => void files.delete(name),
    names: async () => [...files.keys()],
    freeBytes: async () => disk.free,
  };
  return disk;
}
