/** This machine again under an overlay in memory, so that programs of it may do there what they like. It shares its network and processes. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AgentHandle, MUSTER_AGENT, type TestFleet } from '../../e2e/fleet.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';
import { runBy } from '../host.ts';

const CHECKOUT = join(MUSTER_AGENT, '..', '..');

/** The folder of devices is its own: what is put in their place there is not put in this machine's. */
const MOUNTS = `set -e
at=$1 repo=$2 prepare=$3; shift 3
mount -t tmpfs -o mode=755 none "$at"
cd "$at"
mkdir upper work root
mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
mount -t proc proc root/proc
mount -t tmpfs -o mode=755 none root/dev
for name in null zero full random urandom; do
  touch "root/dev/$name"
  mount --bind "/dev/$name" "root/dev/$name"
done
ln -s /proc/self/fd root/dev/fd
ln -s /proc/self/fd/0 root/dev/stdin
ln -s /proc/self/fd/1 root/dev/stdout
ln -s /proc/self/fd/2 root/dev/stderr
mount -t tmpfs -o mode=755 none root/run
rm -f root/etc/os-release
mkdir -p root/repo
mount --bind "$repo" root/repo
for place; do
  mkdir -p "root$place"
  mount --bind "$place" "root$place"
done
eval "$prepare"
exec chroot root sleep 600`;

export interface OverlayHost {
  readonly name: string;
  /** The words by which this machine carries out what follows them on it. */
  readonly entry: readonly string[];
  /** Runs a program on it. Rejects with what it said where it does not succeed. */
  run(argv: readonly string[]): Promise<string>;
  /** Where this machine sees a file of it. */
  see(path: string): string;
}

/** `prepare` is a script of sh beside its `root`; `repo` is /repo there. */
export async function startOverlayHost(
  t: { after(fn: () => unknown): void },
  fleet: TestFleet,
  repo: string,
  name: string,
  prepare: string,
): Promise<OverlayHost> {
  const words = ['sh', '-c', MOUNTS, 'sh', temporaryFolder(t), repo, prepare, CHECKOUT, fleet.folder];
  const holder = spawn('unshare', ['--mount', ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise((resolve) => holder.once('close', resolve));
  t.after(async () => {
    holder.kill('SIGKILL');
    await ended;
  });
  let said = '';
  holder.stderr.on('data', (piece) => {
    said += piece;
  });
  await until(`${name} is there`, () => {
    if (holder.exitCode !== null) throw new Error(`${name} did not start: ${said}`);
    return readFileSync(`/proc/${holder.pid}/comm`, 'utf8').trim() === 'sleep';
  });
  const entry = ['nsenter', '--target', String(holder.pid), '--mount', '--root', '--'];
  return {
    ...{ name, entry },
    run: (argv) => runBy(entry, argv, ''),
    see: (path) => `/proc/${holder.pid}/root${path}`,
  };
}

/** Its agent is online at the fleet then. */
export async function joinOverlayHost(
  fleet: TestFleet,
  name: string,
  entry: readonly string[],
): Promise<AgentHandle> {
  return fleet.agentWith(name, { by: [...entry, 'setpriv', '--pdeathsig', 'KILL', '--'] });
}
