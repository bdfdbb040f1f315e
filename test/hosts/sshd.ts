/**
 * Machines with a real OpenSSH server, many and cheap: each a Debian tree under an overlay in memory, with processes and mounts of its
 * own and sshd as its first process. They share this machine's loopback, where each has an address of its own. No systemd: see
 * host.ts. Needs root; the tree is made by make-tree and never written to.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { temporaryFolder } from '../support/folder.ts';
import { requires } from '../support/requires.ts';
import { until } from '../support/until.ts';
import { bootHost, type Host, runBy } from './host.ts';
import { type KeyPair, newKey, type SshdOptions, writeSshFiles } from './ssh-files.ts';
import { treePath } from './tree.ts';

export const SSHD_NEEDS = requires(
  'root',
  'mounts',
  'nsenter',
  'setpriv',
  'debootstrap', // of make-tree, so that a skip names it
  'debian-tree',
);

const START_MS = 20_000;
const PORT = 2222;

/** The mounts are of the namespace of this script, and go with its last process. */
const SCRIPT = `set -e
folder=$1 trees=$2 name=$3 tmp=$4 node=$5 full=$6 binds=$7
echo "$name" >/proc/sys/kernel/hostname
mount -t tmpfs -o mode=755 none "$folder/mounts"
cd "$folder/mounts"
mkdir upper work root
mount -t overlay -o "lowerdir=$folder/files:$trees,upperdir=upper,workdir=work" overlay root
mount -t proc proc root/proc
mount --rbind /sys root/sys
mount -t tmpfs -o mode=755 none root/dev
mkdir root/dev/pts root/dev/shm
for name in null zero full random urandom tty; do
  touch "root/dev/$name"
  mount --bind "/dev/$name" "root/dev/$name"
done
mount -t devpts -o newinstance,ptmxmode=666 none root/dev/pts
ln -s pts/ptmx root/dev/ptmx
for link in fd: stdin:/0 stdout:/1 stderr:/2; do ln -s "/proc/self/fd\${link#*:}" "root/dev/\${link%:*}"; done
mount -t tmpfs -o mode=755 none root/run
mkdir root/run/sshd
mount -t tmpfs -o "mode=1777,$tmp" none root/tmp
if [ -n "$node" ]; then
  touch root/usr/local/bin/node
  mount --bind "$node" root/usr/local/bin/node
fi
for place in $binds; do
  mkdir -p "root$place"
  mount --bind "$place" "root$place"
done
for place in $full; do
  mkdir -p "root$place"
  mount -t tmpfs -o size=64k,mode=755 none "root$place"
  head -c 65536 /dev/zero 2>/dev/null >"root$place/filler" || true
done
exec chroot root /usr/sbin/sshd -D -e
`;

export interface SshHostOptions extends SshdOptions {
  /** As it calls itself; by default host-0, host-1, … */
  readonly name?: string;
  /** Nothing in /tmp can be started. */
  readonly noexecTmp?: boolean;
  /** It has this process's Node at /usr/local/bin/node. */
  readonly node?: boolean;
  /** Folders that lie over the tree, the first one on top. */
  readonly layers?: readonly string[];
  /** Folders of this machine, whose paths have no spaces, that it has at the same places. */
  readonly binds?: readonly string[];
  /** Folders on file systems of their own, without a free byte. */
  readonly full?: readonly string[];
}

export interface SshAddress {
  readonly address: string;
  readonly port: number;
  readonly hostKey: KeyPair;
  /** Its line for a known_hosts file. */
  readonly knownHost: string;
}

export interface SshHost extends SshAddress {
  /** Its first process, as this machine numbers it. */
  pid(): number;
  /** The words by which this machine carries out what follows them on it. */
  entry(): readonly string[];
  /** Runs a program on it, as root and not over SSH. Rejects with what it said where it does not succeed. */
  run(argv: readonly string[], input?: string): Promise<string>;
  /** Where this machine sees a file of it. */
  see(path: string): string;
  /** All that its sshd logged. */
  log(): string;
  /** Its processes end at once, as when its power is cut. */
  end(): Promise<void>;
}

export interface SshHosts {
  /** What each host lets root in with. */
  readonly key: KeyPair;
  start(options?: SshHostOptions): Promise<SshHost>;
  /** One with a systemd, which takes some seconds and needs HOST_NEEDS. `binds` as bootHost has them. */
  boot(
    options?: SshdOptions & { name?: string; binds?: Readonly<Record<string, string>> },
  ): Promise<Host & SshAddress>;
}

/** Hosts that last as long as the test (or suite) `t`. */
export function sshHosts(t: { after(fn: () => unknown): void }, key: KeyPair = newKey()): SshHosts {
  const folder = temporaryFolder(t);
  let started = 0;
  return {
    key,
    start(options = {}) {
      const name = `host-${started++}`;
      return startHost(t, join(folder, name), key, { name, ...options });
    },
    async boot({ name = `host-${started++}`, binds, ...options } = {}) {
      const files = join(folder, `${name}-files`);
      const ssh = addressed(files, name, key, options);
      const host = await bootHost(t, name, binds, files);
      await until(`sshd listens: ${ssh.address}`, () => listens(ssh), START_MS);
      return { ...host, ...ssh };
    },
  };
}

async function startHost(
  t: { after(fn: () => unknown): void },
  folder: string,
  key: KeyPair,
  options: SshHostOptions & { readonly name: string },
): Promise<SshHost> {
  mkdirSync(join(folder, 'mounts'), { recursive: true });
  const ssh = addressed(join(folder, 'files'), options.name, key, options);
  const words = [
    folder,
    [...(options.layers ?? []), treePath()].join(':'),
    options.name,
    options.noexecTmp ? 'noexec' : 'exec',
    options.node ? process.execPath : '',
  ];
  const child = spawn(
    'setpriv',
    // Whatever becomes of this process, they end with it.
    [
      '--pdeathsig',
      'KILL',
      'unshare',
      '--mount',
      '--uts',
      '--pid',
      '--fork',
      '--kill-child',
      'sh',
      '-c',
      SCRIPT,
      'sh',
    ].concat(words, (options.full ?? []).join(' '), (options.binds ?? []).join(' ')),
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let logged = '';
  child.stderr.on('data', (data) => {
    logged = `${logged}${data}`.slice(-1_000_000);
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  async function end(): Promise<void> {
    kill(firstProcess(child));
    await ended;
  }
  t.after(end);
  await until(
    `sshd listens: ${ssh.address}`,
    () => {
      if (child.exitCode !== null) throw new Error(`it did not start:\n${logged}`);
      return logged.includes('Server listening on');
    },
    START_MS,
  );
  return {
    ...ssh,
    pid: () => firstProcess(child),
    entry: () => entryTo(firstProcess(child)),
    run: (argv, input = '') => runBy(entryTo(firstProcess(child)), argv, input),
    see: (path) => `/proc/${firstProcess(child)}/root${path}`,
    log: () => logged,
    end,
  };
}

function addressed(files: string, name: string, key: KeyPair, options: SshdOptions): SshAddress {
  const address = newAddress();
  const hostKey = writeSshFiles(files, name, address, PORT, key.public, options);
  return { address, port: PORT, hostKey, knownHost: `[${address}]:${PORT} ${hostKey.public}` };
}

function listens({ address, port }: SshAddress): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, address, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

let addresses = 0;

/** Of this machine's loopback, where each process of the tests has a network of its own. */
function newAddress(): string {
  addresses += 1;
  if (addresses > 250) throw new Error('too many hosts in one process');
  return `127.${64 + ((process.pid >> 8) & 63)}.${process.pid & 255}.${addresses}`;
}

/** Of the host, as this machine numbers it: the child of unshare. */
function firstProcess(child: ChildProcess): number {
  try {
    return Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim());
  } catch {
    return 0;
  }
}

function kill(pid: number): void {
  try {
    if (pid > 0) process.kill(pid, 'SIGKILL');
  } catch {
    // It went by itself meanwhile.
  }
}

const entryTo = (pid: number): readonly string[] =>
  ['nsenter', '--target', String(pid)].concat('--mount', '--pid', '--uts', '--root', '--wd', '--');
