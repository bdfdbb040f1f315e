import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { RunKey } from './journal.ts';
import { countTurns, type OutputSource, putAway } from './output.ts';

/** Outputs that are too long for a row of the journal, until the controller has them. */
export interface KeptFiles {
  /** Durable when it resolves. Copies in slices, and lets others work between them. Throws what the disk throws. */
  keep(run: RunKey, output: OutputSource): Promise<void>;
  /** Undefined where there is none, or one that was cut. */
  open(run: RunKey, stored: number): OpenedOutput | undefined;
  remove(run: RunKey): void;
  list(): RunKey[];
}

export interface OpenedOutput extends OutputSource {
  close(): void;
}

const SLICE_BYTES = 256 * 1024;
const NAME = /^([0-9a-f]{32})-(\d+)$/;

/** One file for each: the plain bytes, then their turns. */
export function keptFiles(folder: string, pause: () => Promise<void>): KeptFiles {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Of an agent that was killed over them; whose run is still known is copied again.
  for (const name of readdirSync(folder))
    if (name.endsWith('.tmp')) rmSync(join(folder, name), { force: true });
  const pathOf = ({ jobId, attempt }: RunKey): string => join(folder, `${jobId}-${attempt}`);

  return {
    async keep(run, output) {
      const path = pathOf(run);
      const fd = openSync(`${path}.tmp`, 'w', 0o600);
      try {
        const turns = countTurns();
        for (let at = 0; at < output.stored; ) {
          const slice = output.read(at, SLICE_BYTES);
          if (slice.length === 0) throw new Error('the output ended early');
          for (const { stream, data } of slice) {
            writeAll(fd, data);
            turns.add(stream, data.length);
            at += data.length;
          }
          await pause();
        }
        writeAll(fd, turns.encode());
        fsyncSync(fd);
      } catch (cause) {
        rmSync(`${path}.tmp`, { force: true });
        throw cause;
      } finally {
        closeSync(fd);
      }
      renameSync(`${path}.tmp`, path);
      syncFolder(folder);
    },
    open(run, stored) {
      let fd: number;
      try {
        fd = openSync(pathOf(run), 'r');
      } catch {
        return undefined;
      }
      const size = fstatSync(fd).size;
      if (size < stored) {
        closeSync(fd);
        return undefined;
      }
      const read = (at: number, length: number): Uint8Array => readAll(fd, at, length);
      const source = putAway(stored, { read }, read(stored, size - stored));
      return { stored, read: source.read, close: () => closeSync(fd) };
    },
    remove: (run) => rmSync(pathOf(run), { force: true }),
    list: () =>
      readdirSync(folder).flatMap((name) => {
        const [, jobId, attempt] = NAME.exec(name) ?? [];
        return jobId ? [{ jobId, attempt: Number(attempt) }] : [];
      }),
  };
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

function readAll(fd: number, at: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(length);
  let got = 0;
  while (got < length) {
    const more = readSync(fd, bytes, got, length - got, at + got);
    if (more === 0) throw new Error('a kept output was cut');
    got += more;
  }
  return bytes;
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
