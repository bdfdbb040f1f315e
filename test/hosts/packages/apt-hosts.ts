/** Cheap Debian machines with a real apt that knows one repository of the test, and a real agent each. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AgentHandle, MUSTER_AGENT, type TestFleet } from '../../e2e/fleet.ts';
import { requires } from '../../support/requires.ts';
import { type SshHost, sshHosts } from '../sshd.ts';
import { type Catalogue, makeCatalogue } from './catalogue.ts';
import type { Deb } from './deb.ts';
import { type Repository, startRepository } from './repository.ts';

export const APT_NEEDS = requires(
  'root',
  'mounts',
  'nsenter',
  'setpriv',
  'dpkg-deb',
  'debootstrap', // of make-tree, so that a skip names it
  'debian-tree',
);

const CHECKOUT = join(MUSTER_AGENT, '..', '..');

export interface AptHost {
  readonly name: string;
  readonly host: SshHost;
  readonly agent: AgentHandle;
  /** Installs packages without asking any repository, as if they had been there from the first. */
  preinstall(...debs: readonly Deb[]): Promise<void>;
  /** `1+deb12u1`; undefined where it is not installed, with its state where it is not whole: `2 half-configured`. */
  version(name: string): Promise<string | undefined>;
  run(argv: readonly string[]): Promise<string>;
}

export interface AptHosts {
  readonly repository: Repository;
  readonly catalogue: Catalogue;
  /** A host of this name with these packages, whose agent is online at the fleet. */
  start(name: string, installed?: readonly Deb[]): Promise<AptHost>;
}

/** Hosts that last as long as the test (or suite) `t`; what they share is the repository. */
export async function aptHosts(t: { after(fn: () => unknown): void }, fleet: TestFleet): Promise<AptHosts> {
  const repository = await startRepository(t);
  const catalogue = makeCatalogue(t);
  const machines = sshHosts(t);
  return {
    repository,
    catalogue,
    async start(name, installed = []) {
      const host = await machines.start({
        name,
        node: true,
        binds: [CHECKOUT, fleet.folder],
        files: { '/etc/apt/sources.list': repository.sources, '/etc/apt/apt.conf.d/90test': APT_CONF },
      });
      const by = [...host.entry(), 'setpriv', '--pdeathsig', 'KILL', '--'];
      const [agent] = await Promise.all([fleet.agentWith(name, { by }), preinstall(host, installed)]);
      return {
        name,
        host,
        agent,
        preinstall: (...debs) => preinstall(host, debs),
        version: (packageName) => versionOn(host, packageName),
        run: (argv) => host.run(argv),
      };
    },
  };
}

/** One try, so that a repository that is down is known at once. */
const APT_CONF = 'Acquire::Retries "0";\n';

async function preinstall(host: SshHost, debs: readonly Deb[]): Promise<void> {
  if (debs.length === 0) return;
  for (const { fileName, bytes } of debs) writeFileSync(host.see(`/tmp/${fileName}`), bytes);
  const files = debs.map(({ fileName }) => `/tmp/${fileName}`);
  await host.run(['dpkg', '--force-unsafe-io', '--install', ...files]);
  await host.run(['rm', ...files]);
}

async function versionOn(host: SshHost, name: string): Promise<string | undefined> {
  const said = await host.run(['dpkg-query', '--status', name]).catch(() => '');
  const [, state = 'not-installed'] = /^Status: \S+ \S+ (\S+)$/m.exec(said) ?? [];
  const [, version = ''] = /^Version: (\S+)$/m.exec(said) ?? [];
  if (state === 'not-installed' || state === 'config-files') return undefined;
  return state === 'installed' ? version : `${version} ${state}`;
}
