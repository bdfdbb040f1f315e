/** zypper, of SUSE's family. What rpm's database and archives say is read as for dnf. */
import type { Versions } from '../../../proto/packages.ts';
import { isCore } from '../core-packages.ts';
import type { Command, Host } from '../host.ts';
import {
  type ManagerKind,
  type PackageManager,
  type PackageVersion,
  type Pending,
  type Simulation,
  Unsolvable,
  type Wish,
} from '../manager.ts';
import {
  answered,
  filesOf,
  installedOf,
  oneLine,
  pidFileHolder,
  queryCommand,
  rpmFailure,
  rpmLockHolder,
  sideBySideNames,
} from '../rpm/database.ts';
import { nevraOf, parsePackages } from '../rpm/nevra.ts';
import * as words from './commands.ts';
import * as parse from './parse.ts';

export const ZYPPER: ManagerKind = {
  name: 'zypper',
  programs: ['/usr/bin/zypper', '/bin/zypper'],
  create: createZypper,
};

const PID_FILES = ['/run/zypp.pid', '/var/run/zypp.pid'];
const HISTORY = '/var/log/zypp/history';
const REFRESHES = ['refresha', 'refreshb', 'refreshc'] as const;
/** Packages that one program is asked of. */
const AT_ONCE = 200;

function createZypper(host: Host): PackageManager {
  async function query(command: Command): Promise<string> {
    const answer = await host.ask(command);
    if (answer.exitCode === 0) return answer.stdout;
    const why = parse.parseReason(answer.stdout) ?? (oneLine(answer.stderr) || `status ${answer.exitCode}`);
    throw new Error(`zypper: ${why}`);
  }

  async function held(): Promise<string[]> {
    const found = parse.parseLocks(await query(words.locks()));
    const patterns = found.filter((one) => /[*?[]/.test(one));
    const matched = patterns.length === 0 ? [] : await namesLike(host, patterns);
    return [...new Set([...found.filter((one) => !patterns.includes(one)), ...matched])];
  }

  function commandOf(wish: Wish): Command {
    switch (wish.kind) {
      case 'exact':
        return words.simulateExact(wish.changes);
      case 'install':
      case 'latest':
        return words.simulateInstall(wish.names);
      case 'version':
        return words.simulateVersion(wish.name, wish.version);
      case 'remove':
        return words.simulateRemove(wish.names);
    }
  }

  async function obtainable(packages: readonly PackageVersion[]): Promise<(number | undefined)[]> {
    const names = [...new Set(packages.map(({ name }) => name))];
    const found = new Set<string>();
    for (let at = 0; at < names.length; at += AT_ONCE) {
      const { exitCode, stdout, stderr } = await host.ask(words.search(names.slice(at, at + AT_ONCE)));
      if (exitCode === words.NOT_FOUND) continue;
      for (const one of parse.parseFound(answered('zypper', { exitCode, stdout, stderr })))
        found.add(nevraOf(one));
    }
    const bytes = await installedBytes(host, names);
    return packages.map((one) => (found.has(nevraOf(one)) ? (bytes.get(nevraOf(one)) ?? 0) : undefined));
  }

  async function mended(): Promise<ReadonlySet<string>> {
    const patches = parse.parsePatches(await query(words.securityPatches()));
    const names = new Set<string>();
    for (let at = 0; at < patches.length; at += AT_ONCE)
      for (const name of parse.parseMended(await query(words.patchInfo(patches.slice(at, at + AT_ONCE)))))
        names.add(name);
    return names;
  }

  return {
    name: 'zypper',
    lockHolder: async () => (await pidFileHolder(host, PID_FILES)) ?? (await rpmLockHolder(host)),
    async refresh() {
      let said = '';
      for (const part of REFRESHES) {
        const end = await host.run(part, words.refresh());
        if (end.exitCode === 0) return;
        said = end.said;
        host.signal.throwIfAborted();
      }
      const why = parse.parseRefreshFailure(said) ?? 'zypper refresh failed';
      throw new Error(`the repositories' lists could not be fetched: ${why}`);
    },
    async broken() {
      const twice = await duplicates(host);
      return twice.length === 0
        ? undefined
        : `a transaction was cut off: ${twice.slice(0, 5).join(', ')} are there in two versions`;
    },
    async mend() {
      // Which of the two is whole nobody can say but a person.
      throw new Error(
        `a transaction was cut off: ${(await duplicates(host)).join(', ')}; remove one of each by rpm -e`,
      );
    },
    async pending() {
      const [waiting, holds, mends, single] = [
        parse.parseUpdates(await query(words.updates())),
        new Set(await held()),
        await mended(),
        await sideBySideNames(host),
      ];
      return pendingOf(waiting, holds, mends, single);
    },
    installed: (names) => installedOf(host, names),
    filesOf: (names) => filesOf(host, names),
    held,
    async simulate(wish): Promise<Simulation> {
      const answer = await host.ask(commandOf(wish));
      const { exitCode, stdout, stderr } = answer;
      const why = () => parse.parseReason(stdout) ?? (oneLine(stderr) || `zypper exited with ${exitCode}`);
      if (exitCode === words.LOCKED) throw new Error(why());
      const summary = exitCode === 0 ? parse.parseSummary(stdout) : undefined;
      if (summary === undefined) throw new Unsolvable(why());
      // Named exactly, zypper takes a package from another vendor without a word.
      if (summary.otherVendor.length > 0)
        throw new Unsolvable(`would change its vendor: ${summary.otherVendor.join(', ')}`);
      // rpm looks at the room that it needs before it changes anything.
      return { changes: summary.changes, downloadBytes: summary.downloadBytes, diskBytes: 0 };
    },
    obtainable,
    async fetchInto(packages, folder) {
      if (packages.length === 0) return [];
      const { stdout } = await host.ask(words.downloadInto(packages, folder));
      const paths = new Map(parse.parseDownloads(stdout).map((one) => [nevraOf(one), one.path]));
      return packages.map((one) => paths.get(nevraOf(one)));
    },
    async download(changes) {
      const end = await host.run('download', words.download(changes));
      if (end.exitCode === 0) return;
      const why = parse.parseFailure(end.said) ?? end.reason ?? `status ${end.exitCode}`;
      throw new Error(`the new versions could not be fetched: ${why}`);
    },
    changeCommand: words.change,
    failureOf: (said) => rpmFailure(said) ?? parse.parseFailure(said),
    hold: async (names) => void (await query(words.lock('addlock', names))),
    async unhold(names) {
      await query(words.lock('removelock', names));
      const still = new Set(await held());
      const kept = names.filter((name) => still.has(name));
      if (kept.length > 0)
        throw new Error(
          `${kept.join(', ')}: held by a pattern as well; see zypper locks, and remove that by zypper removelock`,
        );
    },
    async history(most) {
      return parse.parseHistory((await host.files.readText(HISTORY)) ?? '', Date.parse).slice(0, most);
    },
    wantsReboot: (changes) => changes.some(({ name, to }) => to !== '' && isCore('zypper', name)),
  };
}

export function pendingOf(
  waiting: readonly Versions[],
  holds: ReadonlySet<string>,
  mends: ReadonlySet<string>,
  sideBySide: ReadonlySet<string>,
): Pending[] {
  return waiting
    .map(({ name, arch, from, to }) => ({
      ...{ name, arch, from: sideBySide.has(name) ? '' : from, to },
      security: mends.has(name) || mends.has(`${name}.${arch}`),
      held: holds.has(name),
    }))
    .sort(parse.byKey);
}

/** Installed names that match one of these patterns. */
async function namesLike(host: Host, patterns: readonly string[]): Promise<string[]> {
  const { stdout } = await host.ask(queryCommand(['--all', '--', ...patterns]));
  return parsePackages(stdout).map(({ name }) => name);
}

/** An archive is smaller than what it holds, and its header. */
const HEADER_BYTES = 64 * 1024;
const SIZES = '%{NAME}\\t%{ARCH}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\t%{LONGSIZE}\\n';

/** zypper does not tell how big an archive is; of what is installed a bound of it is known. */
async function installedBytes(host: Host, names: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (names.length === 0) return new Map();
  const argv = ['rpm', '--query', '--queryformat', SIZES, '--', ...names];
  const { stdout } = await host.ask({ argv, env: { LC_ALL: 'C.UTF-8' } });
  return new Map(
    stdout.split('\n').flatMap((line) => {
      const at = line.lastIndexOf('\t');
      const [one] = parsePackages(line.slice(0, Math.max(at, 0)));
      const bytes = Number(line.slice(at + 1));
      return one && Number.isFinite(bytes) ? [[nevraOf(one), bytes + HEADER_BYTES] as const] : [];
    }),
  );
}

/** Names that are installed twice in one architecture and are not meant to be: a transaction was cut off between two of its steps. */
async function duplicates(host: Host): Promise<string[]> {
  const { stdout } = await host.ask(queryCommand(['--all']));
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { name, arch } of parsePackages(stdout)) {
    if (seen.has(`${name} ${arch}`)) twice.add(name);
    seen.add(`${name} ${arch}`);
  }
  twice.delete('gpg-pubkey');
  if (twice.size === 0) return [];
  const meant = await sideBySideNames(host);
  return [...twice].filter((name) => !meant.has(name)).sort();
}
