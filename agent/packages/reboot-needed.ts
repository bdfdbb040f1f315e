/**
 * Whether a machine wants another boot: because its distribution left word of it, because what only a boot takes up was installed since
 * the last one, or because the kernel that runs has lost its modules. In a container the last boot is that of its own init.
 */
import type { PackageManagerName } from '../../proto/packages.ts';
import { isCore } from './core-packages.ts';
import type { Host, HostFiles } from './host.ts';

export interface RebootHost extends Pick<Host, 'ask'> {
  readonly files: Pick<HostFiles, 'exists' | 'readText' | 'list'>;
}

/** What distributions leave; it is gone by the boot. */
const FLAGS = ['/run/reboot-required', '/run/reboot-needed'] as const;
const FLAG_PACKAGES = '/run/reboot-required.pkgs';
/** Names that an administrator adds to the distribution's own, one a line. */
const ADDED = { dnf: '/etc/dnf/plugins/needs-restarting.d', zypper: '/etc/zypp/needreboot.d' } as const;
/** Of proc_pid_stat(5)'s start time; the kernel's own tick does not show. */
const TICKS_PER_SECOND = 100;

/** Why it wants one, in a sentence; undefined where it does not. Throws where the package manager cannot be asked. */
export async function whyReboot(
  host: RebootHost,
  manager: PackageManagerName | undefined,
): Promise<string | undefined> {
  for (const flag of FLAGS) {
    if (!(await host.files.exists(flag))) continue;
    const names = linesOf((await host.files.readText(FLAG_PACKAGES)) ?? '');
    return names.length === 0 ? `${flag} is there` : `${flag} is there, for ${listed(names)}`;
  }
  const bootedAt = bootTime(
    (await host.files.readText('/proc/stat')) ?? '',
    (await host.files.readText('/proc/1/stat')) ?? '',
  );
  const installed = manager === undefined ? [] : await coreInstalls(host, manager);
  const since = installed.filter(({ atSeconds }) => bootedAt !== undefined && atSeconds > bootedAt);
  if (since.length > 0) return `installed since its boot: ${listed(since.map(({ name }) => name))}`;
  return lostKernel(host);
}

/** When its init began, in seconds since 1970, by the machine's clock; undefined where the kernel does not say. */
export function bootTime(stat: string, initStat: string): number | undefined {
  const kernel = Number(/^btime (\d+)$/m.exec(stat)?.[1]);
  const ticks = Number(initStat.slice(initStat.lastIndexOf(')') + 2).split(' ')[19]);
  const at = kernel + ticks / TICKS_PER_SECOND;
  return Number.isFinite(at) ? at : undefined;
}

interface Install {
  readonly name: string;
  readonly atSeconds: number;
}

async function coreInstalls(host: RebootHost, manager: PackageManagerName): Promise<readonly Install[]> {
  switch (manager) {
    case 'apt': {
      const folder = '/var/lib/dpkg/info';
      const lists = (await host.files.list(folder)).filter((file) => isCore('apt', packageOfList(file)));
      return timesOf(host, '%Y', lists, folder, packageOfList);
    }
    case 'dnf':
    case 'zypper': {
      const added = new Set(await addedNames(host, ADDED[manager]));
      const argv = ['rpm', '-qa', '--queryformat', '%{INSTALLTIME} %{NAME}\\n'];
      const { exitCode, stdout, stderr } = await host.ask({ argv });
      if (exitCode !== 0) throw new Error(`rpm exited with ${exitCode}: ${stderr.trim()}`);
      return parseTimes(stdout).filter(({ name }) => isCore(manager, name) || added.has(name));
    }
    case 'apk': {
      // It keeps no times; the loader is the C library, and its inode changed when it was put there.
      const loaders = (await host.files.list('/lib')).filter((file) => /^ld-musl-.+\.so\.1$/.test(file));
      return timesOf(host, '%Z', loaders, '/lib', () => 'musl');
    }
  }
}

/** `libc6:amd64.list`: written anew by each unpacking. */
function packageOfList(file: string): string {
  return file.endsWith('.list') ? file.slice(0, -'.list'.length).replace(/:.*$/, '') : '';
}

async function timesOf(
  host: RebootHost,
  format: '%Y' | '%Z',
  files: readonly string[],
  folder: string,
  nameOf: (file: string) => string,
): Promise<readonly Install[]> {
  if (files.length === 0) return [];
  const argv = ['stat', '-c', `${format} %n`, ...files.map((file) => `${folder}/${file}`)];
  const { stdout } = await host.ask({ argv });
  return parseTimes(stdout).map(({ name, atSeconds }) => ({
    name: nameOf(name.slice(folder.length + 1)),
    atSeconds,
  }));
}

/** Lines of seconds and a name. */
function parseTimes(text: string): Install[] {
  return linesOf(text).flatMap((line) => {
    const [, seconds, name] = /^(\d+) (.+)$/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, atSeconds: Number(seconds) }];
  });
}

async function addedNames(host: RebootHost, folder: string): Promise<string[]> {
  const files = await host.files.list(folder);
  const texts = await Promise.all(files.map((file) => host.files.readText(`${folder}/${file}`)));
  return texts.flatMap((text) => linesOf(text ?? '')).filter((line) => !line.startsWith('#'));
}

/** Distributions that keep one kernel remove the modules of the one that runs; those of a machine without modules were never there. */
async function lostKernel(host: RebootHost): Promise<string | undefined> {
  const running = (await host.files.readText('/proc/sys/kernel/osrelease'))?.trim();
  const present = await host.files.list('/lib/modules');
  // Another one's name differs in its flavour, or is of an image that this machine was not booted from.
  const flavour = running?.replace(/^[\d.]+/, '').replace(/^-\d+/, '');
  const successors = present.filter(
    (name) => flavour !== undefined && flavour !== '' && name.endsWith(flavour),
  );
  if (running === undefined || present.includes(running) || successors.length === 0) return undefined;
  return `the modules of the kernel that runs, ${running}, are gone`;
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function listed(names: readonly string[]): string {
  const unique = [...new Set(names)].sort();
  const more = unique.length > 5 ? ` and ${unique.length - 5} more` : '';
  return `${unique.slice(0, 5).join(', ')}${more}`;
}
