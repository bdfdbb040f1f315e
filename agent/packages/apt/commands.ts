/**
 * The words of apt and dpkg. Names and versions come from orders and from repositories: whatever is not strictly one is never put
 * before a program, here as little as where the order was opened.
 */
import { MusterError } from '../../../proto/errors.ts';
import { isPackageArch, isPackageName, isPackageVersion } from '../../../proto/packages.ts';
import type { Command } from '../host.ts';
import type { ChangeOptions, PackageId, PackageVersion, Wanted, Wish } from '../manager.ts';

/** Nobody is asked anything, answers are in English, and no hook restarts what it likes. */
const ENV = {
  LC_ALL: 'C',
  LANGUAGE: 'C',
  DEBIAN_FRONTEND: 'noninteractive',
  APT_LISTCHANGES_FRONTEND: 'none',
  APT_LISTBUGS_FRONTEND: 'none',
  NEEDRESTART_MODE: 'l',
};

/** A name stands for one package, never for a pattern; nothing goes that was not named; the lists stay readable. */
const SETTINGS = [
  'APT::Cmd::Pattern-Only=true',
  'APT::Get::AutomaticRemove=false',
  'APT::Get::Show-User-Simulation-Note=false',
  'APT::Sandbox::User=root',
  'Dpkg::Use-Pty=0',
  'Dpkg::Progress-Fancy=0',
];

function aptGet(words: readonly string[], settings: readonly string[] = []): Command {
  return { argv: ['apt-get', '-q', ...set([...SETTINGS, ...settings]), ...words], env: ENV };
}

const set = (settings: readonly string[]): string[] => settings.flatMap((one) => ['-o', one]);
const ask = (...argv: string[]): Command => ({ argv, env: ENV });

/** `name` or `name:arch`. Throws MusterError('bad-task'). */
export function packageWord({ name, arch }: PackageId): string {
  check(isPackageName(name), 'name', name);
  check(arch === '' || isPackageArch(arch), 'architecture', arch);
  return arch === '' ? name : `${name}:${arch}`;
}

/** `name:arch=version`. Throws MusterError('bad-task'). */
export function versionWord(one: PackageVersion): string {
  check(isPackageVersion(one.version), 'version', one.version);
  return `${packageWord(one)}=${one.version}`;
}

/** Throws MusterError('bad-task'). */
export function changeWord({ file, to, ...id }: Wanted): string {
  if (file !== undefined) {
    check(/^\/[^\0\n]*\.deb$/.test(file), 'file', file);
    return file;
  }
  return to === '' ? `${packageWord(id)}-` : versionWord({ ...id, version: to });
}

function check(isRight: boolean, what: string, value: string): void {
  if (!isRight) throw new MusterError('bad-task', `${JSON.stringify(value)} is no ${what} of a package`);
}

const nameWords = (names: readonly string[]): string[] =>
  names.map((name) => packageWord({ name, arch: '' }));

/** Exactly these: what they recommend is named as well, where it was planned. */
const EXACTLY = ['-y', '--allow-downgrades', '--no-install-recommends'];

export const architecture = (): Command => ask('dpkg', '--print-architecture');
export const update = (): Command => aptGet(['update'], ['APT::Update::Error-Mode=any']);
export const simulateUpgrade = (): Command => aptGet(['-s', '--with-new-pkgs', 'upgrade']);
export const policy = (packages: readonly PackageId[]): Command =>
  ask('apt-cache', 'policy', '--', ...packages.map(packageWord));
export const show = (packages: readonly PackageVersion[]): Command =>
  ask('apt-cache', 'show', '--', ...packages.map(versionWord));
export const showHeld = (): Command => ask('apt-mark', 'showhold');
export const showAutomatic = (): Command => ask('apt-mark', 'showauto');
export const mark = (how: 'hold' | 'unhold' | 'auto', names: readonly string[]): Command =>
  ask('apt-mark', how, '--', ...nameWords(names));
export const audit = (): Command => ask('dpkg', '--audit');
export const listFiles = (names: readonly string[]): Command => ask('dpkg-query', '-L', ...nameWords(names));

const FIELDS = ['db:Status-Abbrev', 'Package', 'Architecture', 'Version'];
const FORMAT = `${FIELDS.map((field) => `$\{${field}}`).join('\\t')}\\n`;
export const query = (names: readonly string[]): Command =>
  ask('dpkg-query', '-W', `-f=${FORMAT}`, ...nameWords(names));

export function simulate(wish: Wish): Command {
  switch (wish.kind) {
    case 'exact':
      return aptGet(['-s', ...EXACTLY, 'install', '--', ...wish.changes.map(changeWord)]);
    case 'install':
      return aptGet(['-s', '-y', '--no-upgrade', 'install', '--', ...nameWords(wish.names)]);
    case 'latest':
      return aptGet(['-s', '-y', 'install', '--', ...nameWords(wish.names)]);
    case 'version':
      return aptGet(['-s', '-y', '--allow-downgrades', 'install', '--', versionWord({ ...wish, arch: '' })]);
    case 'remove':
      return aptGet(['-s', '-y', 'remove', '--', ...nameWords(wish.names)]);
  }
}

export const archives = (changes: readonly Wanted[]): Command =>
  aptGet(['--print-uris', '-q', ...EXACTLY, 'install', '--', ...changes.map(changeWord)]);

export const download = (changes: readonly Wanted[]): Command =>
  aptGet(['--download-only', ...EXACTLY, 'install', '--', ...changes.map(changeWord)]);

/** Into this folder; env(1) goes there, since apt takes no other place. */
export function downloadInto(packages: readonly PackageVersion[], folder: string): Command {
  const { argv, env } = aptGet(['download', '--', ...packages.map(versionWord)]);
  return { argv: ['env', `--chdir=${folder}`, ...argv], ...(env && { env }) };
}

/** How dpkg answers what it would ask: where a file was not changed here the package's comes, else as the order wants it. */
const CONFIG_FILES = {
  keep: ['--force-confdef', '--force-confold'],
  replace: ['--force-confnew'],
} as const;

export function change(changes: readonly Wanted[], { configFiles, lockWaitMs }: ChangeOptions): Command {
  const removes = changes.some(({ to }) => to === '');
  // Where one of them is a file, apt takes that for something that it may not fetch.
  const isHere = changes.every(({ file }) => file === undefined);
  const words = [...EXACTLY, ...(removes ? [] : ['--no-remove']), ...(isHere ? ['--no-download'] : [])];
  return aptGet(
    [...words, 'install', '--', ...changes.map(changeWord)],
    [
      `DPkg::Lock::Timeout=${Math.ceil(lockWaitMs / 1000)}`,
      ...CONFIG_FILES[configFiles].map((option) => `Dpkg::Options::=${option}`),
    ],
  );
}

export const configureAll = (): Command => ask('dpkg', ...CONFIG_FILES.keep, '--configure', '-a');
