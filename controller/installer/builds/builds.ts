/** Builds of the agent: the bundle and executables that this very program has or makes, packed and kept. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { incrementalSha512 } from '../../../proto/crypto.ts';
import { toHex } from '../../../proto/ids.ts';
import { MUSTER_VERSION } from '../../../proto/version.ts';
import type { Arch, Build, Builds, Form, Packed, Packing } from '../build.ts';
import { HostFailure } from '../failure.ts';
import { digestOfFile } from './archive.ts';
import { createCache, type Kept } from './cache.ts';
import { type ExecutableSource, makeExecutable, RECIPE } from './executable.ts';
import { PACKINGS, pack, packingKey, unpack } from './packing.ts';
import { findProgram } from './program.ts';

export interface BuildsPorts extends Omit<ExecutableSource, 'program' | 'signal'> {
  /** Where they are kept: see `buildsFolder`. */
  folder: string;
  /** Left out: this program. */
  program?: ExecutableSource['program'];
}

/** As the XDG base directory specification has it; the superuser's is the machine's (FHS 5.5). */
export function buildsFolder(of: {
  env: Readonly<Record<string, string | undefined>>;
  homeDirectory: string;
  isRoot: boolean;
}): string {
  const { XDG_CACHE_HOME } = of.env;
  if (XDG_CACHE_HOME?.startsWith('/')) return join(XDG_CACHE_HOME, 'muster', 'builds');
  return of.isRoot ? '/var/cache/muster/builds' : join(of.homeDirectory, '.cache', 'muster', 'builds');
}

const PIECE_BYTES = 256 * 1024;

export function createBuilds(ports: BuildsPorts): Builds {
  const cache = createCache(ports);
  const closing = new AbortController();
  const { signal } = closing;
  const made = new Map<string, Promise<Packed>>();
  const opened: Kept[] = [];
  let xzMissing = false;
  let source: Promise<ExecutableSource> | undefined;
  let bundleDigest: Promise<string> | undefined;
  /** One executable at a time: each takes 850 MB of memory. */
  let turn: Promise<unknown> = Promise.resolve();

  async function packed(form: Form, arch: Arch, accepted: readonly Packing[]): Promise<Packed> {
    for (const packing of PACKINGS) {
      if (!accepted.includes(packing) || (packing === 'xz' && xzMissing)) continue;
      try {
        return await once(form, arch, packing);
      } catch (error) {
        if (packing !== 'xz' || !isMissing(error)) throw error;
        xzMissing = true;
      }
    }
    throw new HostFailure('no-build', `packed in none of: ${accepted.join(', ') || 'nothing'}`);
  }

  function once(form: Form, arch: Arch, packing: Packing): Promise<Packed> {
    const name = form === 'bundle' ? `bundle ${packing}` : `${arch} ${packing}`;
    let promise = made.get(name);
    if (!promise) {
      promise = keep(form, arch, packing).catch((cause: unknown) => {
        throw cause instanceof HostFailure || isMissing(cause) ? cause : failure(cause, ports.folder);
      });
      made.set(name, promise);
    }
    return promise;
  }

  async function keep(form: Form, arch: Arch, packing: Packing): Promise<Packed> {
    source ??= (ports.program ? Promise.resolve(ports.program) : findProgram()).then((program) => ({
      ...ports,
      ...{ program, signal },
    }));
    const from = await source;
    bundleDigest ??= digestOfFile(from.program.bundle);
    const inputs = [
      ...['1', MUSTER_VERSION, await bundleDigest],
      ...(form === 'bundle' ? [] : [RECIPE, from.program.runtimes[arch].sha512]),
    ];
    const keyIn = (packed: Packing): string => keyOf([...inputs, packingKey(packed)]);
    const makeIt = (): Promise<Kept> => make(from, form, arch, packing, keyIn);
    const kept =
      (await cache.find(keyIn(packing))) ?? (await (form === 'bundle' ? makeIt() : inTurn(makeIt)));
    opened.push(kept);
    return packedOf(kept);
  }

  function make(
    from: ExecutableSource,
    form: Form,
    arch: Arch,
    packing: Packing,
    keyIn: (packing: Packing) => string,
  ): Promise<Kept> {
    const executable = async (work: string): Promise<string> => {
      const unpacked = await unpackedBy(keyIn, work);
      if (unpacked) return unpacked;
      ports.note(`making the agent's executable for ${arch}: once, and up to a minute`);
      return makeExecutable(from, arch, work);
    };
    return cache.make(keyIn(packing), async (work) => {
      const file = form === 'bundle' ? from.program.bundle : await executable(work);
      const build: Build = {
        version: MUSTER_VERSION,
        form,
        arch: form === 'bundle' ? undefined : arch,
        sha512: await digestOfFile(file),
        length: (await stat(file)).size,
      };
      const path = join(work, 'packed');
      await pack({ ...ports, signal }, packing, file, path);
      return { path, build, packing };
    });
  }

  /** It may have been made for another packing. */
  async function unpackedBy(keyIn: (packing: Packing) => string, work: string): Promise<string | undefined> {
    for (const packing of ['zstd', 'gzip'] as const) {
      const kept = await cache.find(keyIn(packing));
      if (!kept) continue;
      const file = join(work, `of-${packing}`);
      try {
        await unpack(packing, kept.file, file);
        if ((await digestOfFile(file)) === kept.build.sha512) return file;
      } finally {
        await kept.file.close();
      }
    }
    return undefined;
  }

  function inTurn<T>(action: () => Promise<T>): Promise<T> {
    const mine = turn.then(action);
    turn = mine.catch(() => {});
    return mine;
  }

  return {
    packed,
    async close() {
      closing.abort();
      await Promise.allSettled(made.values());
      await Promise.all(opened.splice(0).map(({ file }) => file.close()));
    },
  };
}

function packedOf({ build, packing, length, sha512, file }: Kept): Packed {
  async function read(at: number, wanted: number): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(wanted, length - at)));
    let got = 0;
    while (got < bytes.length) {
      const { bytesRead } = await file.read(bytes, got, bytes.length - got, at + got);
      if (bytesRead === 0) throw new HostFailure('no-build', 'a kept build was cut while it was read');
      got += bytesRead;
    }
    return bytes;
  }
  return {
    ...{ build, packing, length, sha512, read },
    async *open() {
      for (let at = 0; at < length; at += PIECE_BYTES) yield read(at, PIECE_BYTES);
    },
  };
}

function keyOf(inputs: readonly string[]): string {
  const hash = incrementalSha512();
  for (const input of inputs) hash.update(Buffer.from(`${input}\n`));
  return toHex(hash.digest()).slice(0, 64);
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'syscall' in error && error.syscall === 'spawn xz';

function failure(cause: unknown, folder: string): HostFailure {
  const why = cause instanceof Error ? cause.message : 'it cannot be made';
  const isFull =
    cause instanceof Error && 'code' in cause && (cause.code === 'ENOSPC' || cause.code === 'EDQUOT');
  return new HostFailure('no-build', isFull ? `this machine has no room left in ${folder}` : why, { cause });
}
