/** The folder in which Muster installed this agent: an adapter. What lies there is told in proto/slots.ts. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { constants, open } from 'node:fs/promises';
import { join } from 'node:path';
import { createZstdDecompress } from 'node:zlib';
import { incrementalSha512 } from '../../proto/crypto.ts';
import { MusterError } from '../../proto/errors.ts';
import { equalBytes, toHex } from '../../proto/ids.ts';
import {
  type Arch,
  encodeSlotRelease,
  encodeTrial,
  type Form,
  NODE_LINK,
  PROGRAM_NAMES,
  parseOutcome,
  parseTrial,
  programOf,
  RELEASE_FILE,
  RESULT_LINES,
  TRIAL_NAMES,
} from '../../proto/slots.ts';
import type { FoundTrial, ProgramFolder } from './ports.ts';

/** Read and written at once. */
const PIECE_BYTES = 256 * 1024;
const MODES = { folder: 0o755, program: 0o755, text: 0o644 } as const;

export function programFolder(folder: string): ProgramFolder {
  const at = (...names: string[]): string => join(folder, ...names);
  const { current, trial, lastTrial } = PROGRAM_NAMES;

  function read(which: string): FoundTrial | undefined {
    const about = parseTrial(textOf(at(which, TRIAL_NAMES.about)));
    if (!about) return undefined;
    const outcome = textOf(at(which, TRIAL_NAMES.outcome));
    // One that was put aside without an outcome was ended by a launcher that could not write one down.
    const ended = outcome === '' && which === lastTrial ? textOf(at(which, TRIAL_NAMES.back)) : outcome;
    return { ...about, outcome: ended === '' ? undefined : parseOutcome(ended) };
  }

  function putAside(): void {
    rmSync(at(lastTrial), { recursive: true, force: true });
    renameSync(at(trial), at(lastTrial));
    sync(folder);
  }

  return {
    formIn: (slot) => (existsSync(at(slot, programOf('executable'))) ? 'executable' : 'bundle'),
    argvOf: (slot) =>
      existsSync(at(slot, programOf('executable')))
        ? [at(slot, programOf('executable'))]
        : [at(slot, NODE_LINK), at(slot, programOf('bundle'))],
    freeBytes() {
      const { bavail, bsize } = statfsSync(folder);
      return bavail * bsize;
    },
    async has(slot, { form, sha512 }, signal) {
      const path = at(slot, programOf(form as Form));
      if (!existsSync(path)) return false;
      const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
      const hash = incrementalSha512();
      try {
        const buffer = Buffer.allocUnsafe(PIECE_BYTES);
        for (;;) {
          signal.throwIfAborted();
          const { bytesRead } = await file.read(buffer, 0, buffer.length);
          if (bytesRead === 0) break;
          hash.update(buffer.subarray(0, bytesRead));
        }
      } finally {
        await file.close();
      }
      return equalBytes(hash.digest(), sha512);
    },
    async unpack(slot, build, packed, signal) {
      // A program that runs cannot be written over, so the folder goes and comes anew.
      rmSync(at(slot), { recursive: true, force: true });
      mkdirSync(at(slot), { mode: MODES.folder });
      const path = at(slot, programOf(build.form as Form));
      const mode = build.form === 'bundle' ? MODES.text : MODES.program;
      try {
        const from = await open(packed, constants.O_RDONLY | constants.O_NOFOLLOW);
        const to = await open(path, 'wx', mode);
        try {
          const hash = incrementalSha512();
          let length = 0;
          const source = from.createReadStream({ autoClose: false, highWaterMark: PIECE_BYTES });
          const pieces = source.pipe(createZstdDecompress());
          source.once('error', (cause) => pieces.destroy(cause));
          for await (const piece of pieces as AsyncIterable<Buffer>) {
            signal.throwIfAborted();
            length += piece.length;
            if (length > build.length)
              throw new MusterError('content-corrupt', 'it is longer than the release says');
            hash.update(piece);
            for (let done = 0; done < piece.length; ) done += (await to.write(piece, done)).bytesWritten;
          }
          if (length !== build.length || !equalBytes(hash.digest(), build.sha512))
            throw new MusterError(
              'content-corrupt',
              `${length} bytes came, with another digest than the release says`,
            );
          // Whatever the process's mask is.
          await to.chmod(mode);
          await to.sync();
        } finally {
          await to.close();
          await from.close();
        }
      } catch (cause) {
        rmSync(at(slot), { recursive: true, force: true });
        throw cause;
      }
    },
    finish(slot, build, version, own) {
      // Of an upgrade that was cut off, or that went back; and it may say anything.
      rmSync(at(slot, RELEASE_FILE), { force: true });
      if (build.form === 'bundle') {
        rmSync(at(slot, NODE_LINK), { force: true });
        symlinkSync(readlinkSync(at(own, NODE_LINK)), at(slot, NODE_LINK));
      }
      const { form, arch, sha512, length } = build;
      const release = {
        ...{ version, form: form as Form, sha512: toHex(sha512), length },
        arch: arch === '' ? undefined : (arch as Arch),
      };
      sync(at(slot));
      write(at(slot, RELEASE_FILE), encodeSlotRelease(release));
      sync(at(slot));
      sync(folder);
    },
    trial: () => read(trial),
    lastTrial: () => read(lastTrial),
    current() {
      try {
        const slot = readlinkSync(at(current));
        return slot === 'a' || slot === 'b' ? slot : undefined;
      } catch {
        return undefined;
      }
    },
    beginTrial(about) {
      const made = `${trial}.new`;
      rmSync(at(made), { recursive: true, force: true });
      mkdirSync(at(made), { mode: MODES.folder });
      write(at(made, TRIAL_NAMES.about), encodeTrial(about));
      write(at(made, TRIAL_NAMES.kept), RESULT_LINES.kept);
      write(at(made, TRIAL_NAMES.back), RESULT_LINES.back);
      symlinkSync(about.old, at(made, TRIAL_NAMES.old));
      // How it will be decided has to work here.
      linkSync(at(made, TRIAL_NAMES.kept), at(made, TRIAL_NAMES.outcome));
      rmSync(at(made, TRIAL_NAMES.outcome));
      sync(at(made));
      renameSync(at(made), at(trial));
      sync(folder);
    },
    pointTo(slot) {
      const made = at(`${current}.new`);
      rmSync(made, { force: true });
      symlinkSync(slot, made);
      renameSync(made, at(current));
      sync(folder);
    },
    decideKept() {
      try {
        linkSync(at(trial, TRIAL_NAMES.kept), at(trial, TRIAL_NAMES.outcome));
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
        // It may have been said before, and by others.
        if (read(trial)?.outcome?.result !== 'kept') return false;
      }
      sync(at(trial));
      putAside();
      return true;
    },
    discardTrial() {
      rmSync(at(`${trial}.new`), { recursive: true, force: true });
      renameSync(at(trial), at(`${trial}.new`));
      sync(folder);
      rmSync(at(`${trial}.new`), { recursive: true, force: true });
    },
  };

  function textOf(path: string): string {
    try {
      return readFileSync(path, 'utf8');
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return '';
      throw cause;
    }
  }
}

function write(path: string, text: string): void {
  const fd = openSync(path, 'wx', MODES.text);
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function sync(folder: string): void {
  const fd = openSync(folder, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
