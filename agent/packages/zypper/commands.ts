/**
 * Pure: zypper's commands. Names and versions come from orders and from repositories: whatever is not strictly one is never put before a
 * program, here as little as where the order was opened.
 */
import { MusterError } from '../../../proto/errors.ts';
import { isPackageArch, isPackageName, isPackageVersion } from '../../../proto/packages.ts';
import type { Command } from '../host.ts';
import type { ChangeOptions, PackageVersion, Wanted } from '../manager.ts';
import { truthful } from '../rpm/truthful.ts';

/** Answers are in English. */
const ENV = { LC_ALL: 'C.UTF-8' } as const;

/** Exit statuses of zypper(8) that say what it did besides: done, and the machine or zypper itself wants to begin anew. */
const DONE = [102, 103] as const;
export const LOCKED = 7;
/** A name that nobody has. */
export const NOT_FOUND = 104;

/** Its words: the command. */
const WITHOUT_ADVICE = `"$@"; status=$?
case $status in ${DONE.join('|')}) exit 0 ;; esac
exit $status`;

/** Repositories are asked in `refresh` and nowhere else, and nobody is asked anything. */
function zypper(words: readonly string[], globals: readonly string[] = []): Command {
  return { argv: ['zypper', '--non-interactive', '--no-refresh', ...globals, ...words], env: ENV };
}

const ask = (...words: string[]): Command => zypper(words, ['--xmlout']);

/** Services name repositories of their own. */
export const refresh = (): Command => ({
  argv: ['zypper', '--non-interactive', '--no-color', 'refresh', '--services'],
  env: ENV,
});

/** Also what is held, or cannot be had without more. */
export const updates = (): Command => ask('list-updates', '--all');
export const securityPatches = (): Command => ask('list-patches', '--category', 'security');
export const patchInfo = (names: readonly string[]): Command =>
  ask('info', '--type', 'patch', '--', ...names.map(patchWord));
export const search = (names: readonly string[]): Command =>
  ask('search', '--details', '--match-exact', '--type', 'package', '--', ...names.map(nameWord));
export const locks = (): Command => ask('locks');
export const lock = (verb: 'addlock' | 'removelock', names: readonly string[]): Command =>
  ask(verb, '--type', 'package', '--', ...names.map(nameWord));

/**
 * Nothing beside what is asked for and what it needs: a problem is never solved by a guess, nothing comes because another recommends it.
 * Licences are agreed to, since who ordered the change is not there to be asked.
 */
const STRICT = ['--no-recommends', '--no-force-resolution', '--auto-agree-with-licenses'] as const;
const EXACT = ['--name', ...STRICT, '--oldpackage', '--allow-unsigned-rpm'] as const;
const SIMULATED = ['--dry-run'] as const;

export const simulateInstall = (names: readonly string[]): Command =>
  ask('install', ...SIMULATED, '--name', ...STRICT, '--', ...names.map(nameWord));

export const simulateVersion = (name: string, version: string): Command =>
  ask('install', ...SIMULATED, '--name', ...STRICT, '--oldpackage', '--', nameVersionWord(name, version));

export const simulateRemove = (names: readonly string[]): Command =>
  ask('remove', ...SIMULATED, '--name', '--no-force-resolution', '--', ...names.map(nameWord));

export const simulateExact = (changes: readonly Wanted[]): Command =>
  ask('install', ...SIMULATED, ...EXACT, '--', ...changes.map(changeWord));

/** Into zypper's own cache, where signatures are checked; nothing else is done. */
export const download = (changes: readonly Wanted[]): Command =>
  zypper(['install', '--download-only', ...EXACT, '--', ...changes.map(changeWord)], ['--no-color']);

/** The answer names the files. */
export const downloadInto = (packages: readonly PackageVersion[], folder: string): Command =>
  zypper(['download', '--', ...packages.map(versionWord)], ['--xmlout', '--pkg-cache-dir', folder]);

export function change(changes: readonly Wanted[], { configFiles, lockWaitMs }: ChangeOptions): Command {
  const { argv } = zypper(['install', ...EXACT, '--', ...changes.map(changeWord)], ['--no-color']);
  const names = changes.filter(({ to }) => to !== '').map(({ name }) => nameWord(name));
  return truthful(
    {
      argv: ['/bin/sh', '-c', WITHOUT_ADVICE, 'sh', ...argv],
      env: { ...ENV, ZYPP_LOCK_TIMEOUT: String(Math.ceil(lockWaitMs / 1000)) },
    },
    configFiles === 'keep' ? [] : names,
  );
}

/** `name.arch=version`. Throws MusterError('bad-task'). */
export function versionWord({ name, arch, version }: PackageVersion): string {
  check(isPackageArch(arch), 'architecture', arch);
  check(isPackageVersion(version) && !isArchive(version), 'version', version);
  return `${nameWord(name)}.${arch}=${version}`;
}

/** What is to go has a dash before it; kept archives are named by their path. Throws MusterError('bad-task'). */
export function changeWord({ name, arch, from, to, file }: Wanted): string {
  if (file !== undefined) {
    check(/^\/[^\0\n]*\.rpm$/.test(file), 'file', file);
    return file;
  }
  return to === ''
    ? `-${versionWord({ name, arch, version: from })}`
    : versionWord({ name, arch, version: to });
}

function nameVersionWord(name: string, version: string): string {
  check(isPackageVersion(version) && !isArchive(version), 'version', version);
  return `${nameWord(name)}=${version}`;
}

function nameWord(name: string): string {
  check(isPackageName(name) && !isArchive(name), 'name', name);
  return name;
}

/** What ends so zypper takes for an archive in the folder where it runs. */
const isArchive = (word: string): boolean => word.endsWith('.rpm');

/** As a repository has it: its own kind of name, as strict. */
function patchWord(name: string): string {
  check(/^[A-Za-z0-9][A-Za-z0-9+.:_-]{0,255}$/.test(name), 'name', name);
  return name;
}

function check(isRight: boolean, what: string, value: string): void {
  if (!isRight) throw new MusterError('bad-task', `${JSON.stringify(value)} is no ${what} of a package`);
}
