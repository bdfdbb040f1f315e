/** dnf, and yum where it is dnf: from version 4.5 on, which carries out a stored transaction and nothing beyond it. */
import type { Versions } from '../../../proto/packages.ts';
import { isCore } from '../core-packages.ts';
import type { Answer, Command, Host } from '../host.ts';
import {
  type ManagerKind,
  type PackageManager,
  type PackageVersion,
  type Pending,
  type Simulation,
  Unsolvable,
  type Wanted,
  type Wish,
} from '../manager.ts';
import {
  answered,
  archivesIn,
  filesOf,
  installedOf,
  oneLine,
  pidFileHolder,
  rpmFailure,
  rpmLockHolder,
  sideBySideNames,
} from '../rpm/database.ts';
import { keptRepository } from '../rpm/kept-repository.ts';
import { canonicalVersion, nevraOf, parsePackages } from '../rpm/nevra.ts';
import { truthful } from '../rpm/truthful.ts';
import { changesOf } from './changes.ts';
import * as command from './command.ts';
import { parseHistory, parseHistoryIds } from './history.ts';
import { parseTable } from './table.ts';

const PID_FILES = ['metadata_lock', 'download_lock'].map((name) => `/var/cache/dnf/${name}.pid`);
const LOCKS = [...PID_FILES, '/var/lib/dnf/rpmdb_lock.pid', '/var/log/log_lock.pid'];
const VERSIONLOCK = '/etc/dnf/plugins/versionlock.list';
const VERSIONLOCK_CONFIG = '/etc/dnf/plugins/versionlock.conf';

export const DNF: ManagerKind = { name: 'dnf', programs: ['/usr/bin/dnf', '/bin/dnf'], create: createDnf };

function createDnf(host: Host): PackageManager {
  const query = async (asked: Command): Promise<string> => {
    const answer = await host.ask(asked);
    if (answer.exitCode === command.LOCKED) throw new Error(lockedBy(answer));
    const unsigned = answer.exitCode === 0 ? undefined : unsignedOf(answer.stdout + answer.stderr);
    if (unsigned !== undefined) throw new Error(unsigned);
    return answered('dnf', answer);
  };
  const keep = async (changes: readonly Wanted[]): Promise<void> => {
    const files = changes.flatMap(({ file }) => (file === undefined ? [] : [file]));
    if (files.length === 0) return;
    await keptRepository(host, files);
    await query(command.refreshKeptCommand(changes));
  };

  async function simulated(asked: Command): Promise<Versions[]> {
    const answer = await host.ask(asked);
    if (answer.exitCode === command.LOCKED) throw new Error(lockedBy(answer));
    const table = parseTable(answer.stdout);
    if (table === undefined) {
      const unsigned = unsignedOf(answer.stdout + answer.stderr);
      if (unsigned !== undefined) throw new Error(unsigned);
      if (answer.exitCode === 0 && /^Nothing to do\.$/m.test(answer.stdout)) return [];
      throw new Unsolvable(reasonOf(answer));
    }
    return changesOf(table, await installedOf(host, [...new Set(table.rows.map(({ name }) => name))]));
  }

  async function commandOf(wish: Wish): Promise<Command> {
    switch (wish.kind) {
      case 'exact':
        await keep(wish.changes);
        return command.simulateExactCommand(wish.changes);
      case 'install':
      case 'remove':
        return command.simulateCommand(wish.kind, wish.names);
      case 'latest':
        return command.simulateExactCommand(await newest(wish.names));
      case 'version':
        return command.simulateExactCommand(await newest([wish.name], canonicalVersion(wish.version)));
    }
  }

  /** The changes that bring these to their newest version, or to this one; in the architecture that they have, else in dnf's first. */
  async function newest(names: readonly string[], version?: string): Promise<Versions[]> {
    const installed = await installedOf(host, names);
    const output = await query(command.newestCommand(names, version));
    const available = parsePackages(output).filter(({ name }) => names.includes(name));
    return names.flatMap((name) => {
      const here = installed.filter((one) => one.name === name);
      const there = available.filter((one) => one.name === name);
      const meant = there.filter(({ arch }) => here.some((one) => one.arch === arch));
      // i686 comes beside what a machine of 64 bits wants by itself.
      const chosen = meant.length > 0 ? meant : there.filter(({ arch }) => arch !== 'i686').slice(0, 1);
      if (chosen.length === 0)
        throw new Unsolvable(
          `no repository has ${name}${version === undefined ? '' : ` in version ${version}`}`,
        );
      return chosen.flatMap(({ arch, version: to }) => {
        const from = here.find((one) => one.arch === arch)?.version ?? '';
        return from === to ? [] : [{ name, arch, from, to }];
      });
    });
  }

  async function obtainable(packages: readonly PackageVersion[]): Promise<(number | undefined)[]> {
    if (packages.length === 0) return [];
    const output = await query(command.availableCommand(packages));
    const sizes = new Map<string, number>();
    for (const line of output.split('\n')) {
      const [name = '', arch = '', version = '', bytes] = line.split('\t');
      sizes.set(nevraOf({ name, arch, version: canonicalVersion(version) }), Number(bytes));
    }
    return packages.map((one) => sizes.get(nevraOf(one)));
  }

  /** Throws an Error for a dnf whose words and answers are others. */
  async function mustBeKnown(): Promise<void> {
    const said = await query(command.versionCommand());
    const why = whyUnknown(said);
    if (why !== undefined) throw new Error(why);
  }

  async function duplicates(): Promise<string | undefined> {
    const { exitCode, stdout } = await host.ask(command.duplicatesCommand());
    return exitCode === 0 ? undefined : oneLine(stdout);
  }

  async function lockList(names: readonly string[], verb: 'add' | 'delete'): Promise<void> {
    await mustBeKnown();
    if (!(await host.files.exists(VERSIONLOCK_CONFIG)))
      throw new Error('dnf holds packages by its plugin versionlock: install python3-dnf-plugin-versionlock');
    const said = await query(command.versionlockCommand(verb, names));
    // It ends well also where it knows no such package.
    const held = new Set(heldNames((await host.files.readText(VERSIONLOCK)) ?? ''));
    const off = names.filter((name) => held.has(name) !== (verb === 'add'));
    if (off.length > 0)
      throw new Error(
        `dnf did not ${verb} the lock of ${off.join(', ')}: ${oneLine(said) || 'it does not say why'}`,
      );
  }

  return {
    name: 'dnf',
    lockHolder: async () => (await pidFileHolder(host, LOCKS)) ?? (await rpmLockHolder(host)),
    refresh: async () => {
      await mustBeKnown();
      const answer = await host.ask(command.refreshCommand());
      if (answer.exitCode === command.LOCKED) throw new Error(lockedBy(answer));
      if (answer.exitCode !== 0)
        throw new Error(`the repositories' lists could not be fetched: ${reasonOf(answer)}`);
    },
    broken: async () => {
      await mustBeKnown();
      const twice = await duplicates();
      return twice === undefined ? undefined : `a transaction was cut off: ${twice}`;
    },
    isMendedToGoBack: true,
    mend: async () => {
      const { exitCode, said } = await host.run('mend', truthful(command.mendCommand(), []));
      const twice = await duplicates();
      if (twice === undefined) return;
      const why = rpmFailure(said) ?? errorOf(said) ?? `it exited with ${exitCode}`;
      throw new Error(`\`dnf remove --duplicates\` did not mend it: ${why}; ${twice}`);
    },
    pending: async () => {
      // One after the other: they would find each other's lock.
      const upgrades = async (security: boolean, heldToo: boolean) =>
        parsePackages(await query(command.upgradesCommand({ security, heldToo })));
      const all = await upgrades(false, true);
      const free = await upgrades(false, false);
      const safe = await upgrades(true, true);
      const single = await sideBySideNames(host);
      const installed = await installedOf(host, [...new Set(all.map(({ name }) => name))]);
      const locked = heldNames((await host.files.readText(VERSIONLOCK)) ?? '');
      return pendingOf(all, free, safe, installed, single, locked);
    },
    installed: (names) => installedOf(host, names),
    filesOf: (names) => filesOf(host, names),
    held: async () => heldNames((await host.files.readText(VERSIONLOCK)) ?? ''),
    simulate: async (wish): Promise<Simulation> => {
      const asked = await commandOf(wish);
      const changes = await simulated(asked);
      const kept = wish.kind === 'exact' ? wish.changes.filter(({ file }) => file !== undefined) : [];
      const fetched = changes.filter(
        ({ name, arch, to }) =>
          to !== '' && !kept.some((one) => one.name === name && one.arch === arch && one.to === to),
      );
      const sizes = await obtainable(fetched.map(({ name, arch, to }) => ({ name, arch, version: to })));
      // rpm looks at the room that it needs before it changes anything.
      return {
        changes,
        downloadBytes: sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0),
        diskBytes: 0,
      };
    },
    obtainable,
    fetchInto: async (packages, folder) => {
      if (packages.length === 0) return [];
      await query(command.fetchCommand(packages, folder));
      return archivesIn(host, folder, packages);
    },
    download: async (changes) => {
      await keep(changes);
      await query(command.downloadCommand(changes));
    },
    changeCommand: (changes, { configFiles }) => {
      const apply = command.applyCommand(changes);
      const names = changes.filter(({ to }) => to !== '').map(({ name }) => name);
      return truthful(apply, configFiles === 'keep' ? [] : names);
    },
    failureOf: (said) => rpmFailure(said) ?? errorOf(said),
    automatic: {
      // A change leaves the marks of what was there before.
      list: async () => [],
      mark: async (names) => {
        await query(command.markCommand('remove', names));
        // What takes the place of another is needed by nobody, and is not to go.
        const unneeded = parsePackages(await query(command.unneededCommand()));
        const own = names.filter((name) => unneeded.some((one) => one.name === name));
        if (own.length > 0) await query(command.markCommand('install', own));
      },
    },
    hold: (names) => lockList(names, 'add'),
    unhold: (names) => lockList(names, 'delete'),
    history: async (most) => {
      await mustBeKnown();
      const ids = parseHistoryIds(await query(command.historyListCommand())).slice(0, most);
      return ids.length === 0 ? [] : parseHistory(await query(command.historyInfoCommand(ids)));
    },
    wantsReboot: (changes) => changes.some(({ name, to }) => to !== '' && isCore('dnf', name)),
  };
}

/** `4.14.0` and more lines, or `dnf5 version 5.2.8.1`. */
export function whyUnknown(versions: string): string | undefined {
  const [first = ''] = versions.split('\n');
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(first) ?? [];
  if (major === '4' && Number(minor) >= 5) return undefined;
  const dnf5 = /^dnf5 version (\S+)/.exec(first)?.[1];
  return `this dnf is ${oneLine(dnf5 ?? first) || 'of no known version'}: exact transactions are done with dnf 4 from 4.5 on${dnf5 === undefined ? '' : ', and dnf 5 is not supported'}`;
}

function lockedBy({ stdout, stderr }: Answer): string {
  const pid = /with pid (\d+)/.exec(stdout + stderr)?.[1];
  return `another dnf works on this machine${pid === undefined ? '' : `, process ${pid}`}`;
}

/** What of signatures stands in the way: dnf says it among much else. */
export function unsignedOf(said: string): string | undefined {
  const lines = said.match(/^(?:Package \S+ is not signed|Public key for .+ is not installed.*)$/gm);
  if (lines) return oneLine(['the check of signatures failed', ...lines].join('\n'));
  if (!said.includes('You have enabled checking of packages via GPG keys')) return undefined;
  const repository = /^Problem repository: \[?([^\]\n]+)/m.exec(said)?.[1] ?? 'unknown';
  return `signatures of the repository ${repository} are to be checked, and no key of it is known on this host: set its gpgkey, or import the key`;
}

/** dnf's own reason, which may go on over several lines. */
function reasonOf({ stdout, stderr }: Answer): string {
  return errorOf(stderr) ?? errorOf(stdout) ?? (oneLine(stderr) || oneLine(stdout) || 'dnf does not say why');
}

function errorOf(said: string): string | undefined {
  const at = said.search(/^Error:/m);
  return at < 0 ? undefined : oneLine(said.slice(at + 'Error:'.length));
}

export function pendingOf(
  all: readonly PackageVersion[],
  free: readonly PackageVersion[],
  safe: readonly PackageVersion[],
  installed: readonly PackageVersion[],
  sideBySide: ReadonlySet<string>,
  // The plugin leaves nothing out where dnf is only asked.
  locked: readonly string[],
): Pending[] {
  const same = (a: PackageVersion) => (b: PackageVersion) => a.name === b.name && a.arch === b.arch;
  const waiting = all.map((one) => ({
    one: free.find(same(one)) ?? one,
    held: locked.includes(one.name) || !free.some(same(one)),
  }));
  return waiting
    .map(({ one: { name, arch, version }, held }) => {
      const id = { name, arch, version };
      const from = sideBySide.has(name) ? '' : (installed.find(same(id))?.version ?? '');
      return { name, arch, from, to: version, security: safe.some(same(id)), held };
    })
    .sort((a, b) => (`${a.name} ${a.arch}` < `${b.name} ${b.arch}` ? -1 : 1));
}

/** Of versionlock's list: `alpha-0:1.0-1.*`, and `!` before what is only left out. */
export function heldNames(list: string): string[] {
  const names = list
    .split('\n')
    .flatMap((line) => /^([A-Za-z0-9][^\s#]*)-[^-\s]+-[^-\s]+$/.exec(line.trim())?.[1] ?? []);
  return [...new Set(names)].sort();
}
