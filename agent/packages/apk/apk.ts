/** apk, of Alpine: version 2.14, and 3 as far as it says the same. Its repositories have one version of a package, and no word of security. */
import { isCore } from '../core-packages.ts';
import type { Host } from '../host.ts';
import {
  type ManagerKind,
  type PackageManager,
  type PackageVersion,
  type Pending,
  Unsolvable,
} from '../manager.ts';
import * as words from './commands.ts';
import * as parse from './parse.ts';

export const APK: ManagerKind = {
  name: 'apk',
  programs: ['/sbin/apk', '/usr/bin/apk', '/usr/sbin/apk'],
  create: createApk,
};

/** Of apk 2, and where 3 has them. */
const DATABASES = ['/lib/apk/db/installed', '/usr/lib/apk/db/installed'];
const LOCKS = ['/lib/apk/db/lock', '/usr/lib/apk/db/lock', '/run/apk/db.lock'];
/** Where a host that keeps archives has them, or a link to where it has them. */
const CACHE = '/etc/apk/cache';
const DATABASE_BYTES = 64 * 1024 * 1024;
const AT_ONCE = 200;
const REFRESHES = ['refresha', 'refreshb', 'refreshc'] as const;

function createApk(host: Host): PackageManager {
  async function database(): Promise<parse.Recorded[]> {
    for (const path of DATABASES) {
      const text = await host.files.readText(path, DATABASE_BYTES);
      if (text !== undefined) return parse.parseDatabase(text);
    }
    throw new Error(`apk's database is not there: ${DATABASES.join(', ')}`);
  }
  const recorded = async (names: readonly string[]): Promise<parse.Recorded[]> =>
    (await database()).filter(({ name }) => names.includes(name)).sort(parse.byName);
  /** A change that was cut off has left its versions in the world; what was held before it counts. */
  const world = async () => {
    const before = await host.files.readText(words.WORLD_BEFORE);
    return parse.parseWorld(before ?? (await host.files.readText(words.WORLD)) ?? '');
  };

  /** Throws with what it said. */
  async function must(part: string, command: ReturnType<typeof words.update>): Promise<void> {
    const end = await host.run(part, command);
    if (end.exitCode === 0) return;
    throw new Error(`apk: ${parse.parseErrors(end.said) ?? end.reason ?? `status ${end.exitCode}`}`);
  }

  /** `name-version.01234567.apk`. */
  async function cached(packages: readonly PackageVersion[]): Promise<(string | undefined)[]> {
    const files = await host.files.list(CACHE);
    return packages.map(({ name, version }) => {
      const begin = `${name}-${version}.`;
      const file = files.find(
        (one) => one.startsWith(begin) && /^[0-9a-f]{8}\.apk$/.test(one.slice(begin.length)),
      );
      return file === undefined ? undefined : `${CACHE}/${file}`;
    });
  }

  return {
    name: 'apk',
    lockHolder: () => host.lockHolder(LOCKS),
    async refresh() {
      let why: string | undefined;
      for (const part of REFRESHES) {
        const end = await host.run(part, words.update());
        why = parse.parseUpdateFailure(end.said) ?? parse.parseErrors(end.said);
        if (end.exitCode === 0 && why === undefined) return;
        host.signal.throwIfAborted();
      }
      throw new Error(`the repositories' lists could not be fetched: ${why ?? 'apk update failed'}`);
    },
    async broken() {
      if (await host.files.exists(words.WORLD_BEFORE)) return 'a change was cut off';
      const off = (await database()).find(({ isWhole }) => !isWhole);
      return off && `${off.name} is not whole`;
    },
    async mend() {
      if (await host.files.exists(words.WORLD_BEFORE)) await host.ask(words.restoreWorld());
      await must('mend', words.fix());
    },
    async pending() {
      const { exitCode, stdout, stderr } = await host.ask(words.upgradable());
      if (exitCode !== 0) throw new Error(`apk: ${parse.parseErrors(stderr) ?? `status ${exitCode}`}`);
      const held = new Set((await world()).held);
      return parse
        .parseUpgradable(stdout)
        .map((one): Pending => ({ ...one, security: false, held: held.has(one.name) }));
    },
    installed: async (names) =>
      (await recorded(names)).map(({ name, arch, version, isWhole }) => ({ name, arch, version, isWhole })),
    filesOf: async (names) => (await recorded(names)).flatMap(({ files }) => files),
    held: async () => (await world()).held,
    async simulate(wish) {
      const { exitCode, stdout, stderr } = await host.ask(words.simulate(wish));
      if (exitCode !== 0)
        throw new Unsolvable(parse.parseErrors(`${stderr}\n${stdout}`) ?? `apk exited with ${exitCode}`);
      // apk does not say beforehand how much it fetches, or needs.
      return { changes: parse.parseChanges(stdout), downloadBytes: 0, diskBytes: 0 };
    },
    async obtainable(packages) {
      const names = [...new Set(packages.map(({ name }) => name))];
      const has = new Set<string>();
      for (let at = 0; at < names.length; at += AT_ONCE) {
        const { stdout } = await host.ask(words.policy(names.slice(at, at + AT_ONCE)));
        for (const one of parse.parsePolicy(stdout)) has.add(one);
      }
      const [files, here] = [await cached(packages), await recorded(names)];
      return packages.map(({ name, version }, index) => {
        if (files[index] === undefined && !has.has(`${name} ${version}`)) return undefined;
        return here.find((one) => one.name === name && one.version === version)?.bytes ?? 0;
      });
    },
    async fetchInto(packages, folder) {
      const files = await cached(packages);
      const missing = packages.filter((_, index) => files[index] === undefined).map(({ name }) => name);
      if (missing.length > 0) await host.run('fetch', words.fetchInto(missing, folder));
      const fetched = new Set(await host.files.list(folder));
      return packages.map(({ name, version }, index) => {
        const own = `${name}-${version}.apk`;
        return files[index] ?? (fetched.has(own) ? `${folder}/${own}` : undefined);
      });
    },
    // It fetches each archive as it installs it, and has no way to do one without the other.
    download: async () => undefined,
    changeCommand: words.change,
    failureOf: parse.parseErrors,
    automatic: {
      async list(names) {
        const wanted = new Set((await world()).names);
        return names.filter((name) => !wanted.has(name));
      },
      async mark(names) {
        const { exitCode, stderr } = await host.ask(words.forget(names));
        if (exitCode !== 0) throw new Error(`${words.WORLD} cannot be written: ${stderr.trim()}`);
      },
    },
    async hold(names) {
      const here = await recorded(names);
      const missing = names.filter((name) => !here.some((one) => one.name === name));
      if (missing.length > 0)
        throw new Error(`apk holds what is installed, and ${missing.join(', ')} is not`);
      await must('hold', words.pin(here));
    },
    unhold: (names) => must('unhold', words.unpin(names)),
    history: () => Promise.reject(new Error('apk keeps no history of packages')),
    wantsReboot: (changes) => changes.some(({ name, to }) => to !== '' && isCore('apk', name)),
  };
}
