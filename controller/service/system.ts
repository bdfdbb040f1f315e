/** The real machine: an adapter, and the only file of this feature that touches it. */
import { execFile } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { chmod, copyFile, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MusterError } from '../../proto/errors.ts';
import { completeConfig } from '../config.ts';
import { lockFile } from '../db/lock.ts';
import { schemaOf } from '../db/snapshot.ts';
import { ServiceFailure } from './failure.ts';
import type { Machine, Ran, RunOptions } from './machine.ts';

const OUTPUT_BYTES = 16 * 1024 * 1024;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Root's, and gone with the next boot. */
const LOCK = '/run/muster-service.lock';

const placesOf = (home: string) => completeConfig({ home, listen: { host: '', port: 0 }, urls: [] });

export function systemMachine(): Machine {
  return {
    kind,
    read: (path) => ifThere(() => readFileSync(path, 'utf8')),
    target: (path) => ifThere(() => readlinkSync(path)),
    names: (folder) => ifThere(() => readdirSync(folder).sort()) ?? [],
    write(path, text, mode) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
      const temporary = `${path}.new`;
      rmSync(temporary, { force: true });
      writeFileSync(temporary, text, { flag: 'wx', mode });
      chmodAndSync(temporary, mode);
      renameSync(temporary, path);
      sync(dirname(path));
    },
    link(path, target) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
      const temporary = `${path}.new`;
      rmSync(temporary, { force: true });
      symlinkSync(target, temporary);
      renameSync(temporary, path);
      sync(dirname(path));
    },
    remove: (path) => rmSync(path, { recursive: true, force: true }),
    makeFolder(path, mode) {
      mkdirSync(path, { recursive: true, mode });
      // Whatever this process's umask is.
      chmodSync(path, mode);
    },
    removeEmpty(folder) {
      try {
        rmdirSync(folder);
        return true;
      } catch {
        return false;
      }
    },
    freeBytes(path) {
      let there = path;
      while (!existsSync(there)) there = dirname(there);
      const { bavail, bsize } = statfsSync(there);
      return bavail * bsize;
    },
    async copy(files, folder) {
      const folders = new Set([folder]);
      for (const { to } of files)
        for (let one = dirname(to); one !== '.'; one = dirname(one)) folders.add(join(folder, one));
      for (const one of [...folders].sort()) {
        await mkdir(one, { recursive: true, mode: 0o755 });
        await chmod(one, 0o755);
      }
      for (const { from, to, executable } of files) {
        const path = join(folder, to);
        await copyFile(from, path);
        await chmod(path, executable ? 0o755 : 0o644);
        const file = await open(path, 'r');
        await file.sync();
        await file.close();
      }
      for (const one of folders) sync(one);
    },
    run,
    schemaOf(home) {
      const { database } = placesOf(home);
      return existsSync(database) ? schemaOf(database) : undefined;
    },
    isInUse(home) {
      const { lock } = placesOf(home);
      if (!existsSync(lock)) return false;
      try {
        lockFile(lock)();
        return false;
      } catch {
        return true;
      }
    },
    alone() {
      try {
        return lockFile(LOCK);
      } catch (cause) {
        if (!(cause instanceof MusterError) || cause.code !== 'home-in-use') throw cause;
        throw new ServiceFailure('another install of the service is at work', 'wait for that one', { cause });
      }
    },
    hold: (home) => lockFile(placesOf(home).lock),
  };
}

function kind(path: string): ReturnType<Machine['kind']> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return undefined;
  if (found.isSymbolicLink()) return 'link';
  if (found.isDirectory()) return 'folder';
  return found.isFile() ? 'file' : 'other';
}

function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    // EINVAL: it is no link.
    if (['ENOENT', 'ENOTDIR', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined;
    throw error;
  }
}

function chmodAndSync(path: string, mode: number): void {
  const file = openSync(path, 'r');
  try {
    fchmodSync(file, mode);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function sync(folder: string): void {
  const file = openSync(folder, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

async function run(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const [program = '', ...words] = argv;
  const who = options.user === undefined ? {} : await idsOf(options.user);
  const env = { PATH, LANG: 'C.UTF-8', ...options.env };
  return new Promise((resolve) => {
    // Its session is its own: Ctrl-C at the terminal is for us to handle.
    const settings = { ...who, env, cwd: '/', maxBuffer: OUTPUT_BYTES, detached: true };
    execFile(program, words, settings, (error, stdout, stderr) => {
      const code = error?.code;
      const status = error === null ? 0 : typeof code === 'number' ? code : 127;
      resolve({ status, stdout, stderr: stderr || (status === 127 ? (error?.message ?? '') : '') });
    }).stdin?.end();
  });
}

/** Supplementary groups go with it: the process has those of neither root nor this user. */
async function idsOf(user: string): Promise<{ uid: number; gid: number }> {
  const [uid, gid] = await Promise.all([run(['id', '-u', user]), run(['id', '-g', user])]);
  if (uid.status !== 0 || gid.status !== 0) throw new ServiceFailure(`there is no user ${user}`);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}
