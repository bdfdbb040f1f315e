/**
 * Pure: dnf's commands. Names and versions come from orders and from repositories: whatever is not strictly one is never put before a
 * program, here as little as where the order was opened. The only other words are paths of the agent's own.
 */
import { MusterError } from '../../../proto/errors.ts';
import { isPackageArch, isPackageName, isPackageVersion } from '../../../proto/packages.ts';
import type { Command } from '../host.ts';
import type { PackageVersion, Wanted } from '../manager.ts';
import { folderOf, KEPT_REPOSITORY } from '../rpm/kept-repository.ts';
import { nevraOf } from '../rpm/nevra.ts';

/** One language, one time zone, whatever the host's. */
const ENV = { LC_ALL: 'C.UTF-8', TZ: 'UTC' } as const;

/**
 * Nothing beside what is asked for: no weak dependencies, nothing removed because nobody needs it any more. Where another holds dnf's own
 * lock it says so at once, and does not wait for ever.
 */
const STRICT = [
  '--setopt=install_weak_deps=False',
  '--setopt=clean_requirements_on_remove=False',
  '--setopt=exit_on_lock=True',
] as const;

/** Exit status where exit_on_lock ends it. */
export const LOCKED = 200;

const QUERY = ['--quiet', '--setopt=exit_on_lock=True'] as const;
/** What is held shows as well: by versionlock, and by excludes in dnf.conf or of a repository. */
const HELD_TOO = ['--disableplugin=versionlock', '--disableexcludes=all'] as const;

function dnf(words: readonly string[], stdin?: string): Command {
  if (stdin === undefined) return { argv: ['dnf', ...words], env: ENV };
  // It opens its input by name, which a socket does not allow; a pipe does.
  return { argv: ['/bin/sh', '-c', 'cat | "$@"', 'sh', 'dnf', ...words], env: ENV, stdin };
}

export function versionCommand(): Command {
  return dnf(['--version']);
}

export function refreshCommand(): Command {
  return dnf([
    '--assumeyes',
    '--refresh',
    '--setopt=exit_on_lock=True',
    '--setopt=*.skip_if_unavailable=False',
    'makecache',
  ]);
}

/** The newest of each name that is newer than what is installed. */
export function upgradesCommand(options: { readonly security: boolean; readonly heldToo: boolean }): Command {
  return dnf([
    ...QUERY,
    '--cacheonly',
    ...(options.heldToo ? HELD_TOO : []),
    'repoquery',
    '--upgrades',
    // Of security updates any: the newest of all may have come after the one that mends.
    ...(options.security ? ['--security'] : ['--latest-limit=1']),
    `--queryformat=%{name}\\t%{arch}\\t%{epoch}:%{version}-%{release}`,
  ]);
}

/** What repositories have of these. */
export function availableCommand(packages: readonly PackageVersion[]): Command {
  const format = '--queryformat=%{name}\\t%{arch}\\t%{epoch}:%{version}-%{release}\\t%{downloadsize}';
  return dnf([...QUERY, '--cacheonly', ...HELD_TOO, 'repoquery', format, ...packages.map(versionWord)]);
}

export type Verb = 'install' | 'remove';

/** Shows what would be done, and does not. */
export function simulateCommand(verb: Verb, names: readonly string[]): Command {
  return dnf(['--assumeno', '--cacheonly', ...STRICT, verb, ...names.map(nameWord)]);
}

/** As `simulateCommand`, of an exact transaction; what comes along besides is shown with it. */
export function simulateExactCommand(changes: readonly Wanted[]): Command {
  return dnf(
    ['--assumeno', '--cacheonly', ...STRICT, ...keptWords(changes), ...REPLAY, '--ignore-extras', STDIN],
    replayOf(changes),
  );
}

/** Fetches all archives into dnf's cache, and checks their signatures; nothing else is done. */
export function downloadCommand(changes: readonly Wanted[]): Command {
  return dnf(
    ['--assumeyes', '--downloadonly', ...STRICT, ...keptWords(changes), ...REPLAY, STDIN],
    replayOf(changes),
  );
}

/** Fetches archives into a folder, and checks their signatures; those that no repository has are left out. */
export function fetchCommand(packages: readonly PackageVersion[], folder: string): Command {
  const items = packages.map((one) => item('Reinstall', one));
  return dnf(
    [
      '--assumeyes',
      '--downloadonly',
      `--downloaddir=${folder}`,
      ...STRICT,
      ...HELD_TOO,
      ...REPLAY,
      '--skip-unavailable',
      '--ignore-extras',
      STDIN,
    ],
    replayFile(items),
  );
}

/** Does exactly this, from what was fetched before: dnf itself refuses where anything is not as written or something would come along. */
export function applyCommand(changes: readonly Wanted[]): Command {
  return dnf(
    ['--assumeyes', '--cacheonly', ...STRICT, ...keptWords(changes), ...REPLAY, STDIN],
    replayOf(changes),
  );
}

const REPLAY = ['history', 'replay'] as const;
const STDIN = '/dev/stdin';

/** Kept archives were checked when they were fetched, and lie where only root writes; repositories without signatures are kept as well. */
function keptWords(changes: readonly Wanted[]): string[] {
  const folder = folderOf(changes.flatMap(({ file }) => (file === undefined ? [] : [file])));
  if (folder === undefined) return [];
  return [
    `--repofrompath=${KEPT_REPOSITORY},file://${encodeURI(folder)}`,
    `--setopt=${KEPT_REPOSITORY}.metadata_expire=0`,
    `--setopt=${KEPT_REPOSITORY}.gpgcheck=0`,
  ];
}

type Action = 'Install' | 'Upgrade' | 'Upgraded' | 'Removed' | 'Reinstall';

function item(action: Action, one: PackageVersion, repository = ''): object {
  // What comes newly counts as wanted for itself until it is marked; what is there keeps its reason, which dnf never lowers to the lowest.
  const reason = action === 'Install' ? 'user' : 'weak-dependency';
  return { action, nevra: versionWord(one), reason, repo_id: repository };
}

function replayFile(rpms: readonly object[]): string {
  return JSON.stringify({ version: '0.0', rpms });
}

/** dnf's own format of a stored transaction: dnf-history(8), store and replay. */
export function replayOf(changes: readonly Wanted[]): string {
  const items = changes.flatMap(({ name, arch, from, to, file }) => {
    const old = { name, arch, version: from };
    const next = { name, arch, version: to };
    return [
      ...(from === '' ? [] : [item(to === '' ? 'Removed' : 'Upgraded', old)]),
      ...(to === ''
        ? []
        : [item(from === '' ? 'Install' : 'Upgrade', next, file === undefined ? '' : KEPT_REPOSITORY)]),
    ];
  });
  return replayFile(items);
}

/** Reads the list of the repository that rpm/kept-repository.ts made, and no other: afterwards it is in dnf's cache. */
export function refreshKeptCommand(changes: readonly Wanted[]): Command {
  return dnf([
    '--assumeyes',
    '--refresh',
    '--setopt=exit_on_lock=True',
    ...keptWords(changes),
    `--repo=${KEPT_REPOSITORY}`,
    'makecache',
  ]);
}

/** Of each name the newest, or this version; with its epoch, or without. */
export function newestCommand(names: readonly string[], version?: string): Command {
  const specs = names.map((name) =>
    version === undefined ? nameWord(name) : nameVersionWord(name, version),
  );
  const format = '--queryformat=%{name}\\t%{arch}\\t%{epoch}:%{version}-%{release}';
  const limit = version === undefined ? ['--latest-limit=1'] : [];
  return dnf([...QUERY, '--cacheonly', 'repoquery', ...limit, format, ...specs]);
}

export function duplicatesCommand(): Command {
  return dnf([...QUERY, '--cacheonly', 'check', '--duplicates']);
}

/** The older one of each goes, and the newer is installed once more where a repository has it. */
export function mendCommand(): Command {
  return dnf(['--assumeyes', ...STRICT, ...HELD_TOO, 'remove', '--duplicates']);
}

/** `remove`: it is there because others need it. */
export function markCommand(verb: 'install' | 'remove', names: readonly string[]): Command {
  return dnf([...QUERY, '--assumeyes', '--cacheonly', 'mark', verb, ...names.map(nameWord)]);
}

/** What is there because others needed it, and nobody does any more. */
export function unneededCommand(): Command {
  const format = '--queryformat=%{name}\\t%{arch}\\t%{epoch}:%{version}-%{release}';
  return dnf([...QUERY, '--cacheonly', 'repoquery', '--unneeded', format]);
}

export function versionlockCommand(verb: 'add' | 'delete', names: readonly string[]): Command {
  return dnf([...QUERY, '--assumeyes', '--cacheonly', 'versionlock', verb, ...names.map(nameWord)]);
}

export function historyListCommand(): Command {
  return dnf([...QUERY, '--cacheonly', 'history', 'list']);
}

export function historyInfoCommand(ids: readonly string[]): Command {
  return dnf([...QUERY, '--cacheonly', 'history', 'info', ...ids]);
}

function versionWord(one: PackageVersion): string {
  check(isPackageArch(one.arch), 'architecture', one.arch);
  nameVersionWord(one.name, one.version);
  return nevraOf(one);
}

function nameVersionWord(name: string, version: string): string {
  check(isPackageVersion(version) && !isArchive(version), 'version', version);
  return `${nameWord(name)}-${version}`;
}

function nameWord(name: string): string {
  check(isPackageName(name) && !isArchive(name), 'name', name);
  return name;
}

/** What ends so dnf takes for an archive in the folder where it runs. */
const isArchive = (word: string): boolean => word.endsWith('.rpm');

function check(isRight: boolean, what: string, value: string): void {
  if (!isRight) throw new MusterError('bad-task', `${JSON.stringify(value)} is no ${what} of a package`);
}
