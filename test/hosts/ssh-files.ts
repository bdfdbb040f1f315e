import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ssh2 from 'ssh2';
import { treePath } from './tree.ts';

/** How a user of a host becomes root: not at all, without or with a password, or only from a terminal. */
export type Sudo = 'none' | 'free' | 'password' | 'terminal';

export interface SshUser {
  readonly name: string;
  /** By default Debian's bash. */
  readonly shell?: string;
  /** By default `none`. */
  readonly sudo?: Sudo;
  /** Whether the key of the test lets in; by default it does. */
  readonly key?: boolean;
  /** Files in the home, such as a `.bashrc` that prints. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface SshdOptions {
  /** Besides root, whom the key of the test lets in. */
  readonly users?: readonly SshUser[];
  /** Lines for sshd_config, before all others. */
  readonly settings?: readonly string[];
  /** Other files of the machine: path → content, which everybody reads unless a mode is given. */
  readonly files?: Readonly<Record<string, string | { readonly content: string; readonly mode: number }>>;
  /** Instead of a new one. */
  readonly hostKey?: KeyPair;
}

/** `private` in OpenSSH's format; `public` as a line of authorized_keys or known_hosts has it: type and base64. */
export interface KeyPair {
  readonly private: string;
  readonly public: string;
}

/** The password of each user. */
export const PASSWORD = 'correct horse';
const HASHED =
  '$6$muster$iBAIkscrdF.d4mGtxdeCUPYIYn6a6xqpem895vX2M3zvbZiEW9b/luiPd7qaT6288pKb278QEwZy/OLLP15j11';

export function newKey(type: 'ed25519' | 'ecdsa' | 'rsa' = 'ed25519', passphrase?: string): KeyPair {
  const bits = { ed25519: 256, ecdsa: 256, rsa: 2048 }[type];
  const lock = passphrase === undefined ? {} : { passphrase, cipher: 'aes256-ctr', rounds: 4 };
  // One shape of options for all types; its declarations have one for each.
  const pair = ssh2.utils.generateKeyPairSync(type as 'rsa', { bits, ...lock } as { bits: number });
  const key = { private: pair.private, public: pair.public.trim() };
  // It loses the zero with which one in 256 begins.
  const isWhole = Buffer.from(key.public.split(' ')[1] ?? '', 'base64').length === ED25519_BYTES;
  return type === 'ed25519' && !isWhole ? newKey(type, passphrase) : key;
}

const ED25519_BYTES = 51;

const FIRST_UID = 1000;

/** Writes below `root` what makes a Debian machine a host that sshd serves at `address` and `port`. Returns its key. */
export function writeSshFiles(
  root: string,
  name: string,
  address: string,
  port: number,
  authorized: string,
  { users = [], settings = [], files = {}, hostKey = newKey() }: SshdOptions = {},
): KeyPair {
  const everybody = users.map((user, index) => ({ ...user, uid: FIRST_UID + index }));
  const write = (path: string, content: string, mode = 0o644, uid = 0): void => {
    const full = join(root, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content);
    chmodSync(full, mode);
    chownSync(full, uid, uid);
  };
  const usual = (path: string): string => readFileSync(join(treePath(), path), 'utf8');
  const lines = (rows: readonly string[]): string => `${rows.join('\n')}\n`;

  write(
    '/etc/passwd',
    usual('/etc/passwd') +
      lines([
        ...everybody.map(
          ({ name, uid, shell = '/bin/bash' }) => `${name}:x:${uid}:${uid}::/home/${name}:${shell}`,
        ),
      ]),
  );
  write(
    '/etc/shadow',
    usual('/etc/shadow').replace(/^root:[^:]*/, `root:${HASHED}`) +
      lines([...everybody.map(({ name }) => `${name}:${HASHED}:20000:0:99999:7:::`)]),
    0o640,
  );
  write(
    '/etc/group',
    usual('/etc/group') + lines([...everybody.map(({ name, uid }) => `${name}:x:${uid}:`)]),
  );
  const sudoers = everybody.flatMap(({ name, sudo = 'none' }) => {
    if (sudo === 'none') return [];
    const rule = `${name} ALL=(ALL) ${sudo === 'password' ? '' : 'NOPASSWD: '}ALL`;
    return sudo === 'terminal' ? [`Defaults:${name} requiretty`, rule] : [rule];
  });
  write('/etc/sudoers.d/test', lines(sudoers), 0o440);
  write(
    '/etc/ssh/sshd_config',
    lines([
      ...settings,
      `ListenAddress ${address}:${port}`,
      'HostKey /etc/ssh/ssh_host_key',
      'UsePAM no',
      'UseDNS no',
      'PermitRootLogin prohibit-password',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'MaxStartups 200',
      'LogLevel VERBOSE',
    ]),
  );
  // A wrong password costs no seconds.
  write('/etc/pam.d/common-auth', 'auth sufficient pam_unix.so nodelay\nauth requisite pam_deny.so\n');
  write('/etc/hostname', `${name}\n`);
  write('/etc/hosts', `127.0.0.1 localhost\n127.0.1.1 ${name}\n`);
  write('/etc/machine-id', `${randomBytes(16).toString('hex')}\n`);
  write('/etc/ssh/ssh_host_key', hostKey.private, 0o600);
  write('/root/.ssh/authorized_keys', `${authorized}\n`, 0o600);
  // Where there is a systemd.
  const wants = join(root, '/etc/systemd/system/multi-user.target.wants');
  mkdirSync(wants, { recursive: true });
  symlinkSync('/lib/systemd/system/ssh.service', join(wants, 'ssh.service'));
  for (const { name, uid, key = true, files: own = {} } of everybody) {
    const home = `/home/${name}`;
    if (key) write(`${home}/.ssh/authorized_keys`, `${authorized}\n`, 0o600, uid);
    for (const [path, content] of Object.entries(own)) write(`${home}/${path}`, content, 0o644, uid);
    mkdirSync(join(root, home, '.ssh'), { recursive: true });
    for (const folder of [home, `${home}/.ssh`]) chownSync(join(root, folder), uid, uid);
  }
  for (const [path, file] of Object.entries(files)) {
    if (typeof file === 'string') write(path, file);
    else write(path, file.content, file.mode);
  }
  return hostKey;
}
