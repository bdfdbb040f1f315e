/** Fifty machines with sshd, an operator who may log in to all of them, and a controller: what `install.ts` measures on. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { startFleet, type TestFleet } from '../e2e/fleet.ts';
import { type SshHost, sshHosts } from '../hosts/sshd.ts';

export interface Stage {
  readonly fleet: TestFleet;
  readonly hosts: readonly SshHost[];
  /** The operator's: `.ssh` is in it. */
  readonly home: string;
  readonly keyFile: string;
  readonly knownHosts: string;
}

/** Started so many at a time. */
const AT_ONCE = 10;

/** `python`: of this machine, on each of them, for Ansible's modules. */
export async function startStage(
  t: { after(fn: () => unknown): void },
  count: number,
  { python, files = {} }: { python: boolean; files?: Readonly<Record<string, string>> },
): Promise<Stage> {
  const fleet = await startFleet(t);
  const started = sshHosts(t);
  const home = join(fleet.folder, 'operator');
  const keyFile = join(home, '.ssh', 'id_ed25519');
  const knownHosts = join(home, '.ssh', 'known_hosts');
  mkdirSync(dirname(keyFile), { recursive: true, mode: 0o700 });
  writeFileSync(keyFile, started.key.private, { mode: 0o600 });
  const layers = python ? [pythonLayer(join(fleet.folder, 'python'))] : [];
  const hosts: SshHost[] = [];
  while (hosts.length < count) {
    const next = Array.from({ length: Math.min(AT_ONCE, count - hosts.length) }, (_, index) => {
      const name = `host-${hosts.length + index}`;
      return started.start({ name, node: true, layers, files });
    });
    hosts.push(...(await Promise.all(next)));
  }
  writeFileSync(knownHosts, `${hosts.map(({ knownHost }) => knownHost).join('\n')}\n`);
  return { fleet, hosts, home, keyFile, knownHosts };
}

const MODULES = '/usr/lib/python3/dist-packages';

/** The tree is of the same release, so that what this machine's Python is linked with fits. */
function pythonLayer(folder: string): string {
  const program = realpathSync('/usr/bin/python3');
  const linked = execFileSync('ldd', [program], { encoding: 'utf8' });
  const libraries = [...linked.matchAll(/=> (\/\S*(?:expat|libz)\S*)/g)].map(([, path = '']) => path);
  // Of Debian's python3-apt, where it is there: what Ansible's module for apt needs.
  const apt = readdirSync(MODULES)
    .filter((name) => /^(apt|aptsources|apt_pkg.*|apt_inst.*|python_apt.*)$/.test(name))
    .map((name) => join(MODULES, name));
  for (const path of [program, ...libraries, `/usr/lib/${program.split('/').at(-1)}`, ...apt]) {
    const to = join(folder, path.replace(/^\/lib\//, '/usr/lib/'));
    mkdirSync(dirname(to), { recursive: true });
    cpSync(path, to, { recursive: true, dereference: true });
  }
  cpSync(program, join(folder, '/usr/bin/python3'));
  return folder;
}
