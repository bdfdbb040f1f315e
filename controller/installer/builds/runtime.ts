/** Nodes for hosts: the one that is installed with this program, or npm's package of the same version, checked against the lockfile. */
import { copyFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../proto/clock.ts';
import type { Arch } from '../build.ts';
import { HostFailure } from '../failure.ts';
import { digestOfFile, unpackNode } from './archive.ts';
import { runProgram } from './processes.ts';
import type { Program, RuntimePackage } from './program.ts';

export interface RuntimeSource {
  program: Pick<Program, 'runtimes' | 'folders'>;
  /** Archives that somebody brought by hand. */
  archives: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  /** Ends what is under way. */
  signal: AbortSignal;
  /** Told before something that takes a while. */
  note(sentence: string): void;
}

const DOWNLOAD_MS = 15 * 60_000;

/** Puts the node of this architecture to `to`, using `work`, an empty folder. Throws HostFailure('no-build'). */
export async function putNode(source: RuntimeSource, arch: Arch, to: string, work: string): Promise<void> {
  const wanted = source.program.runtimes[arch];
  const brought = await broughtBy(source.archives, wanted, work);
  if (brought) return unpack(brought, wanted, to);
  const installed = await installedNode(source.program, arch);
  if (installed) return copyFile(installed, to);
  source.note(`fetching ${wanted.name}@${wanted.version} by npm, once`);
  const fetched = await fetchPackage(source, wanted, work);
  if ((await digestOfFile(fetched)) !== wanted.sha512)
    throw new HostFailure(
      'no-build',
      `what npm brought as ${wanted.name}@${wanted.version} is not what this program was built with`,
    );
  return unpack(fetched, wanted, to);
}

/** As npm installed it beside this program, which checked it. */
export async function installedNode(
  { runtimes, folders }: Pick<Program, 'runtimes' | 'folders'>,
  arch: Arch,
): Promise<string | undefined> {
  const { name, version } = runtimes[arch];
  for (const folder of folders) {
    const home = join(folder, 'node_modules', name);
    const text = await readFile(join(home, 'package.json'), 'utf8').catch(() => undefined);
    if (text !== undefined && (JSON.parse(text) as { version?: unknown }).version === version)
      return join(home, 'bin', 'node');
  }
  return undefined;
}

/** Copied first: what is checked is what is used, whatever becomes of the file. Throws where none of those given is the one. */
async function broughtBy(
  archives: readonly string[],
  wanted: RuntimePackage,
  work: string,
): Promise<string | undefined> {
  const copy = join(work, 'brought.tgz');
  for (const archive of archives) {
    await copyFile(archive, copy).catch((cause: Error) => {
      throw new HostFailure('no-build', `--runtime: ${cause.message}`, { cause });
    });
    if ((await digestOfFile(copy)) === wanted.sha512) return copy;
  }
  return undefined;
}

async function fetchPackage(
  { env, archives, clock, signal }: RuntimeSource,
  { name, version }: RuntimePackage,
  work: string,
): Promise<string> {
  const byHand = `bring the archive of "npm pack ${name}@${version}" from another machine and give it with --runtime FILE`;
  const none =
    archives.length > 0 ? ` (none of --runtime is ${name}@${version} as this program was built with)` : '';
  try {
    await runProgram('npm', ['pack', `${name}@${version}`, '--ignore-scripts', '--loglevel=error'], {
      ...{ env, cwd: work, clock, signal, maxMs: DOWNLOAD_MS },
    });
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    const why = isMissing ? 'npm is not on the PATH' : cause instanceof Error ? cause.message : 'npm failed';
    throw new HostFailure('no-build', `${name}@${version} cannot be fetched${none}: ${why}; ${byHand}`, {
      cause,
    });
  }
  const [archive] = (await readdir(work)).filter((file) => file.endsWith('.tgz') && file !== 'brought.tgz');
  if (archive === undefined) throw new HostFailure('no-build', `npm brought no archive; ${byHand}`);
  return join(work, archive);
}

async function unpack(archive: string, { name }: RuntimePackage, to: string): Promise<void> {
  await unpackNode(archive, to).catch((cause: Error) => {
    throw new HostFailure('no-build', `the archive of ${name}: ${cause.message}`, { cause });
  });
}
