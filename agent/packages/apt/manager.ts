import type { PackageHistoryEntry } from '../../../proto/packages.ts';
import { isCore } from '../core-packages.ts';
import type { Answer, Command, Host } from '../host.ts';
import {
  type Installed,
  type ManagerKind,
  type PackageManager,
  type PackageVersion,
  type Pending,
  Unsolvable,
  type Wanted,
} from '../manager.ts';
import * as words from './commands.ts';
import {
  byName,
  parseArchives,
  parseFailure,
  parseHistory,
  parseKeptBack,
  parsePolicy,
  parseQuery,
  parseRefusal,
  parseShow,
  parseSimulation,
  parseUpdateFailure,
} from './parse.ts';

export const APT: ManagerKind = { name: 'apt', programs: ['/usr/bin/apt-get'], create: createApt };

const LOCKS = [
  '/var/lib/dpkg/lock-frontend',
  '/var/lib/dpkg/lock',
  '/var/lib/apt/lists/lock',
  '/var/cache/apt/archives/lock',
];
const ARCHIVES = '/var/cache/apt/archives';
/** What dpkg has written and not yet taken up. */
const UPDATES = '/var/lib/dpkg/updates';
const HISTORY = '/var/log/apt';
/** Packages that one program is asked of. */
const AT_ONCE = 200;
const REFRESHES = ['refresha', 'refreshb', 'refreshc'] as const;

export function createApt(host: Host): PackageManager {
  let native: Promise<string> | undefined;
  const nativeArch = (): Promise<string> => {
    native ??= ask(words.architecture()).then(({ stdout }) => stdout.trim());
    return native;
  };

  /** Throws with what it said. */
  async function ask(command: Command): Promise<Answer> {
    const answer = await host.ask(command);
    if (answer.exitCode === 0) return answer;
    const why = parseRefusal(answer.stdout, answer.stderr) || answer.stderr.trim().slice(0, 500);
    throw new Error(`${command.argv[0]}: ${why || `status ${answer.exitCode}`}`);
  }

  async function solve(command: Command): Promise<string> {
    const { exitCode, stdout, stderr } = await host.ask(command);
    if (exitCode !== 0)
      throw new Unsolvable(parseRefusal(stdout, stderr) || `apt-get exited with ${exitCode}`);
    return stdout;
  }

  async function shown(packages: readonly PackageVersion[]) {
    const found = [];
    for (let at = 0; at < packages.length; at += AT_ONCE) {
      const { stdout } = await host.ask(words.show(packages.slice(at, at + AT_ONCE)));
      found.push(...parseShow(stdout, await nativeArch()));
    }
    const byWord = new Map<string, (typeof found)[number]>();
    // One that is only installed stands there too, without an archive.
    for (const one of found) {
      const word = words.versionWord(one);
      if (byWord.get(word)?.bytes === undefined) byWord.set(word, one);
    }
    return byWord;
  }

  /** Where apt's own cache has it. */
  async function cached({ name, arch, version }: PackageVersion): Promise<string | undefined> {
    for (const own of [arch, 'all']) {
      const path = `${ARCHIVES}/${name}_${version.replaceAll(':', '%3a')}_${own}.deb`;
      if (await host.files.exists(path)) return path;
    }
    return undefined;
  }

  async function installed(names: readonly string[]): Promise<Installed[]> {
    const found: Installed[] = [];
    for (let at = 0; at < names.length; at += AT_ONCE) {
      // It exits with 1 where one of them is not known.
      const { stdout } = await host.ask(words.query(names.slice(at, at + AT_ONCE)));
      found.push(...parseQuery(stdout, await nativeArch()));
    }
    return found.sort(byName);
  }

  async function held(): Promise<string[]> {
    const { stdout } = await ask(words.showHeld());
    return stdout.split('\n').flatMap((line) => line.trim().replace(/:.*/, '') || []);
  }

  async function sized(changes: readonly Wanted[], named: readonly Wanted[]) {
    const downloads = await host.ask(words.archives(named));
    const versions = changes.flatMap(({ name, arch, from, to }) =>
      [from, to].filter((version) => version !== '').map((version) => ({ name, arch, version })),
    );
    const about = await shown(versions);
    const size = (one: PackageVersion) => about.get(words.versionWord(one))?.installedBytes ?? 0;
    // Each is unpacked beside the one before, which goes only then.
    const grows = changes
      .filter(({ to }) => to !== '')
      .map(({ from, to, ...id }) => ({
        whole: size({ ...id, version: to }),
        more: Math.max(0, size({ ...id, version: to }) - (from === '' ? 0 : size({ ...id, version: from }))),
      }));
    const diskBytes =
      grows.reduce((sum, { more }) => sum + more, 0) + Math.max(0, ...grows.map(({ whole }) => whole));
    return { downloadBytes: parseArchives(downloads.stdout), diskBytes };
  }

  return {
    name: 'apt',
    lockHolder: () => host.lockHolder(LOCKS),
    async refresh() {
      let said = '';
      for (const part of REFRESHES) {
        const end = await host.run(part, words.update());
        if (end.exitCode === 0) return;
        said = end.said;
        host.signal.throwIfAborted();
      }
      throw new Error(`the repositories' lists could not be fetched: ${parseUpdateFailure(said)}`);
    },
    async broken() {
      const updates = await host.files.list(UPDATES);
      if (updates.some((name) => /^\d+$/.test(name))) return 'dpkg was cut off';
      const { stdout } = await host.ask(words.audit());
      const line = stdout.split('\n').find((one) => one !== '');
      return line && `dpkg --audit: ${line}`;
    },
    async mend() {
      const { exitCode, said } = await host.run('mend', words.configureAll());
      if (exitCode === 0) return;
      throw new Error(`dpkg --configure -a failed: ${parseFailure(said) ?? `status ${exitCode}`}`);
    },
    async pending() {
      const arch = await nativeArch();
      const stdout = await solve(words.simulateUpgrade());
      const ids = [
        ...parseSimulation(stdout, arch).filter(({ from }) => from !== ''),
        ...parseKeptBack(stdout, arch),
      ];
      if (ids.length === 0) return [];
      const holds = new Set(await held());
      const found: Pending[] = [];
      for (let at = 0; at < ids.length; at += AT_ONCE) {
        const answer = await ask(words.policy(ids.slice(at, at + AT_ONCE)));
        for (const { name, arch: own, installed: from, candidate: to, security } of parsePolicy(
          answer.stdout,
          arch,
        ))
          if (from !== to && to !== '(none)' && to !== '')
            found.push({ name, arch: own, from, to, security, held: holds.has(name) });
      }
      return found.sort(byName);
    },
    installed,
    async filesOf(names) {
      if (names.length === 0) return [];
      const { stdout } = await host.ask(words.listFiles(names));
      return stdout.split('\n').filter((line) => line.startsWith('/'));
    },
    held,
    async simulate(wish) {
      const changes = parseSimulation(await solve(words.simulate(wish)), await nativeArch());
      const files = new Map(
        wish.kind === 'exact' ? wish.changes.map((one) => [words.packageWord(one), one.file]) : [],
      );
      const named = changes.map((one) => {
        const file = files.get(words.packageWord(one));
        return file === undefined ? one : { ...one, file };
      });
      if (changes.length === 0) return { changes, downloadBytes: 0, diskBytes: 0 };
      return { changes, ...(await sized(changes, named)) };
    },
    async obtainable(packages) {
      const about = await shown(packages);
      return Promise.all(
        packages.map(async (one) => {
          const bytes = about.get(words.versionWord(one))?.bytes;
          if (bytes !== undefined) return bytes;
          const path = await cached(one);
          return path === undefined ? undefined : host.files.size(path);
        }),
      );
    },
    async fetchInto(packages, folder) {
      const paths = await Promise.all(packages.map(cached));
      const missing = packages.filter((_, index) => paths[index] === undefined);
      const sizes = await this.obtainable(missing);
      const there = missing.filter((_, index) => sizes[index] !== undefined);
      if (there.length > 0) await host.run('fetch', words.downloadInto(there, folder));
      const names = await host.files.list(folder);
      return packages.map(({ name, version }, index) => {
        const begin = `${name}_${version.replaceAll(':', '%3a')}_`;
        const found = names.find((file) => file.startsWith(begin) && file.endsWith('.deb'));
        return paths[index] ?? (found === undefined ? undefined : `${folder}/${found}`);
      });
    },
    async download(changes) {
      const end = await host.run('download', words.download(changes));
      if (end.exitCode === 0) return;
      const why = parseFailure(end.said) ?? end.reason ?? `status ${end.exitCode}`;
      throw new Error(`the new versions could not be fetched: ${why}`);
    },
    changeCommand: words.change,
    failureOf: parseFailure,
    automatic: {
      async list(names) {
        const { stdout } = await ask(words.showAutomatic());
        const all = new Set(stdout.split('\n').map((line) => line.replace(/:.*/, '')));
        return names.filter((name) => all.has(name));
      },
      mark: async (names) => void (await ask(words.mark('auto', names))),
    },
    hold: async (names) => void (await ask(words.mark('hold', names))),
    unhold: async (names) => void (await ask(words.mark('unhold', names))),
    async history(most) {
      const entries: PackageHistoryEntry[] = [];
      const names = (await host.files.list(HISTORY))
        .filter((name) => /^history\.log(?:\.\d+(?:\.gz)?)?$/.test(name))
        .sort((a, b) => ageOf(a) - ageOf(b));
      for (const name of names) {
        if (entries.length >= most) break;
        const path = `${HISTORY}/${name}`;
        const text = name.endsWith('.gz') ? await host.files.readGzip(path) : await host.files.readText(path);
        entries.push(...parseHistory(text ?? '', Date.parse).reverse());
      }
      return entries.slice(0, most);
    },
    wantsReboot: (changes) =>
      changes.some(({ name, from, to }) => to !== '' && from !== to && isCore('apt', name)),
  };
}

/** `history.log` is 0, `history.log.3.gz` is 3. */
const ageOf = (name: string): number => Number(/\.(\d+)/.exec(name)?.[1] ?? 0);
