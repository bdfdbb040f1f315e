import type { LogFile } from '../../agent/executor/output.ts';

/** A run's log in memory; given the bytes of another one, it goes on where that ended. */
export function memoryLog(
  change: Partial<LogFile> & { bytes?: () => Uint8Array } = {},
): LogFile & { bytes(): Uint8Array } {
  let content = Buffer.from(change.bytes?.() ?? []);
  return {
    get size() {
      return content.length;
    },
    write(at, parts) {
      const added = Buffer.concat(parts);
      const grown = Buffer.alloc(Math.max(content.length, at + added.length));
      content.copy(grown);
      added.copy(grown, at);
      content = grown;
    },
    read: (at, length) => content.subarray(at, at + length),
    truncate(length) {
      content = content.subarray(0, length);
    },
    sync() {},
    close() {},
    remove() {
      content = Buffer.alloc(0);
    },
    ...change,
    bytes: () => content,
  };
}
