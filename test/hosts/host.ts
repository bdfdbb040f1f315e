/**
 * Machines with a real systemd: a Debian tree under an overlay in memory, booted by systemd-nspawn in a mount namespace of
 * its own. They share this machine's loopback, and what is done to them goes with them. Needs root; the tree is made by
 * make-tree and never written to.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../support/folder.ts';
import { requires } from '../support/requires.ts';
import { until } from '../support/until.ts';
import { treePath } from './tree.ts';

export const HOST_NEEDS = requires(
  'root',
  'mounts',
  'systemd-nspawn',
  'nsenter',
  'debootstrap', // of make-tree, so that a skip names it
  'debian-tree',
);

const BOOT_MS = 60_000;

/** Mounts, then boots until somebody ends it; a reboot ends nspawn with this status, and it is started again. */
const REBOOTED = 133;
const SCRIPT = `set -e
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root"
shift 2
status=${REBOOTED}
while [ "$status" -eq ${REBOOTED} ]; do
  status=0
  systemd-nspawn --quiet --boot --register=no --keep-unit "$@" || status=$?
done
exit "$status"
`;

export interface Host {
  /** Runs a program on it. Rejects with what it said where it does not succeed. */
  run(argv: readonly string[], input?: string): Promise<string>;
  /** The words by which this machine carries out what follows them on it, until it boots again. */
  entry(): Promise<readonly string[]>;
  /** Writes a file on it, whose folder is there. */
  write(path: string, content: string, mode?: number): Promise<void>;
  bootId(): Promise<string>;
  /** All that its console showed. */
  console(): string;
}

/**
 * Up to multi-user. `binds` are folders of this machine that it sees, read-only, at these places; what is in the folder `over` lies over
 * the files of the tree.
 */
export async function bootHost(
  t: { after(fn: () => unknown): void },
  name: string,
  binds: Readonly<Record<string, string>> = {},
  over?: string,
): Promise<Host> {
  allowMoreWatches();
  const folder = temporaryFolder(t);
  const root = join(folder, 'mounts', 'root');
  mkdirSync(join(folder, 'mounts'));
  const options = [`--directory=${root}`, `--machine=${name}`];
  for (const [at, from] of Object.entries(binds)) options.push(`--bind-ro=${from}:${at}`);
  const layers = over === undefined ? treePath() : `${over}:${treePath()}`;
  const words = ['--mount', 'sh', '-c', SCRIPT, 'sh', join(folder, 'mounts'), layers, ...options];
  const child = spawn('unshare', words, { stdio: ['ignore', 'pipe', 'pipe'] });
  let shown = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => {
      shown += data;
    });
  const ended = new Promise((resolve) => child.once('close', resolve));
  t.after(async () => {
    await end(child, name);
    await ended;
  });

  async function entry(): Promise<readonly string[]> {
    const init = await until(`${name} has an init`, () => initOf(child.pid ?? 0), BOOT_MS);
    return ['nsenter', '--target', String(init), '--all', '--'];
  }
  async function run(argv: readonly string[], input = ''): Promise<string> {
    return runBy(await entry(), argv, input);
  }
  const host: Host = {
    run,
    entry,
    write: async (path, content, mode = 0o644) => {
      const line = `umask 077; cat > "$1"; chmod ${mode.toString(8)} "$1"`;
      await run(['/bin/sh', '-c', line, 'sh', path], content);
    },
    bootId: async () => (await run(['cat', '/proc/sys/kernel/random/boot_id'])).trim(),
    console: () => shown,
  };
  await until(`${name} is up`, () => isUp(host, child), BOOT_MS);
  return host;
}

async function isUp(host: Host, child: ChildProcess): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`it did not boot:\n${host.console()}`);
  const said = await host.run(['systemctl', 'is-active', 'multi-user.target']).catch(() => '');
  return said.trim() === 'active';
}

/** Runs a program on a host by the words that enter it. Rejects with what it said where it does not succeed. */
export function runBy(entry: readonly string[], argv: readonly string[], input: string): Promise<string> {
  const [program = '', ...words] = [...entry, ...argv];
  const child = spawn(program, words, {
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' },
  });
  const said = { out: '', err: '' };
  child.stdout.on('data', (data) => {
    said.out += data;
  });
  child.stderr.on('data', (data) => {
    said.err += data;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => {
      if (status === 0) resolve(said.out);
      else reject(new Error(`${argv.join(' ')}: status ${status}: ${said.err}${said.out}`));
    });
  });
}

/** Its init goes, and with it all that runs there; what started it ends by itself then. */
async function end(child: ChildProcess, name: string): Promise<void> {
  await until(`${name} has ended`, () => {
    const init = initOf(child.pid ?? 0);
    try {
      if (init) process.kill(init, 'SIGKILL');
    } catch {
      // It went by itself meanwhile.
    }
    return child.exitCode !== null || child.signalCode !== null;
  });
}

/** The process that is number 1 in a namespace below this one. */
function initOf(ancestor: number): number | undefined {
  const parents = new Map<number, number>();
  const inits: number[] = [];
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      parents.set(pid, Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]));
      if (/^NSpid:\t\d+\t1$/m.test(status)) inits.push(pid);
    } catch {}
  }
  return inits.find((init) => {
    for (let pid: number | undefined = init; pid; pid = parents.get(pid)) if (pid === ancestor) return true;
    return false;
  });
}

/** Each systemd takes some dozens, and Debian's own limit is reached with two. */
function allowMoreWatches(): void {
  const path = '/proc/sys/fs/inotify/max_user_instances';
  if (Number(readFileSync(path, 'utf8')) < 1024) writeFileSync(path, '1024');
}
