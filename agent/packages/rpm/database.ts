/** What rpm's database says: the same for dnf and zypper. */
import type { Answer, Command, Holder, Host } from '../host.ts';
import type { Installed, PackageVersion } from '../manager.ts';
import { parsePackages, QUERY_FORMAT } from './nevra.ts';

const ENV = { LC_ALL: 'C.UTF-8' } as const;

/** Where distributions have the database; rpm locks it by this file. */
const LOCKS = ['/var/lib/rpm/.rpm.lock', '/usr/lib/sysimage/rpm/.rpm.lock'] as const;

/** Of which several versions are installed side by side, so that one that comes replaces none. */
const SIDE_BY_SIDE = [
  'kernel',
  'installonlypkg(kernel)',
  'installonlypkg(kernel-module)',
  'installonlypkg(vm)',
  'multiversion(kernel)',
] as const;

export function queryCommand(words: readonly string[]): Command {
  return { argv: ['rpm', '--query', '--queryformat', QUERY_FORMAT, ...words], env: ENV };
}

/** Of these names, in every architecture and version. */
export async function installedOf(host: Host, names: readonly string[]): Promise<Installed[]> {
  if (names.length === 0) return [];
  const wanted = new Set(names);
  const { stdout, stderr } = await host.ask(queryCommand(['--', ...names]));
  if (/^error: /m.test(stderr)) throw new Error(`rpm's database cannot be read: ${oneLine(stderr)}`);
  // rpm takes what it is given for a name with a version as well.
  const found = parsePackages(stdout).filter(({ name }) => wanted.has(name));
  const beside = found.length === 0 ? new Set<string>() : await sideBySideNames(host);
  return found.map((one) => {
    if (beside.has(one.name)) return { ...one, isWhole: true, isSideBySide: true };
    // Two of what there is one of is what a transaction that was cut off left.
    const twins = found.filter(({ name, arch }) => name === one.name && arch === one.arch);
    return { ...one, isWhole: twins.length === 1 };
  });
}

export async function sideBySideNames(host: Host): Promise<ReadonlySet<string>> {
  const { stdout } = await host.ask(queryCommand(['--whatprovides', ...SIDE_BY_SIDE]));
  return new Set(parsePackages(stdout).map(({ name }) => name));
}

export async function filesOf(host: Host, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const { stdout } = await host.ask({ argv: ['rpm', '--query', '--list', '--', ...names], env: ENV });
  return stdout.split('\n').filter((line) => line.startsWith('/'));
}

export function rpmLockHolder(host: Host): Promise<Holder | undefined> {
  return host.lockHolder(LOCKS);
}

/** Who is named by a file that holds a process id, as long as that process is there. */
export async function pidFileHolder(host: Host, paths: readonly string[]): Promise<Holder | undefined> {
  for (const path of paths) {
    const pid = Number(((await host.files.readText(path)) ?? '').trim());
    if (!Number.isInteger(pid) || pid <= 0) continue;
    const name = await host.files.readText(`/proc/${pid}/comm`);
    if (name !== undefined) return { pid, name: name.trim() };
  }
  return undefined;
}

/** Paths of archives in a folder in the order of these packages; undefined for one that is not there. */
export async function archivesIn(
  host: Host,
  folder: string,
  packages: readonly PackageVersion[],
): Promise<(string | undefined)[]> {
  const files = (await host.files.list(folder)).filter((name) => name.endsWith('.rpm'));
  const paths = files.map((name) => `${folder}/${name}`);
  const found = await Promise.all(
    paths.map(async (path) => {
      const { stdout } = await host.ask(queryCommand(['--package', '--nosignature', path]));
      return parsePackages(stdout)[0];
    }),
  );
  return packages.map(({ name, arch, version }) => {
    const at = found.findIndex((one) => one?.name === name && one.arch === arch && one.version === version);
    return paths[at];
  });
}

const SCRIPTLET = /^(?:warning|error): (%\w+)\((.+)\) scriptlet failed, (.+)$/m;
const TROUBLE = /^(?:error: .+|.*: (?:install|erase) failed|Error unpacking rpm package .+)$/m;

/** A script that failed, or a file that could not be put in place: rpm makes warnings of most of them, and goes on. */
export function rpmFailure(said: string): string | undefined {
  const [, script, nevra, how] = SCRIPTLET.exec(said) ?? [];
  if (script !== undefined) return `${script} of ${nevra} failed, ${how}`;
  return TROUBLE.exec(said)?.[0].replace(/^error: /, '');
}

export function oneLine(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  return lines
    .filter((line) => line !== '')
    .join('; ')
    .slice(0, 500);
}

/** What a program said where it was to answer. Throws an Error with its reason where it could not. */
export function answered(what: string, { exitCode, stdout, stderr }: Answer): string {
  if (exitCode !== 0)
    throw new Error(`${what} exited with ${exitCode}: ${oneLine(stderr) || oneLine(stdout)}`);
  return stdout;
}
