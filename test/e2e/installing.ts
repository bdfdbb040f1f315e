import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type KeyPair, newKey } from '../hosts/ssh-files.ts';
import { type SshHost, type SshHostOptions, sshHosts } from '../hosts/sshd.ts';
import { type Finished, type Running, type RunOptions, startFleet, type TestFleet } from './fleet.ts';

/** A controller, machines with SSH, and an operator's account on the controller's machine. */
export interface Installing {
  readonly fleet: TestFleet;
  /** One more machine, whose key the operator knows. */
  host(options?: SshHostOptions): Promise<SshHost>;
  /** The operator's home: `.ssh` is in it. */
  readonly home: string;
  readonly env: Record<string, string>;
  /** `muster COMMAND ARGS` as the operator. */
  begin(command: string, args: readonly string[], options?: RunOptions): Running;
  install(args: readonly string[], options?: RunOptions): Promise<Finished>;
}

export const addressOf = ({ address, port }: SshHost): string => `root@${address}:${port}`;

/** Test machines run no service manager. */
export const NO_SERVICE = ['--service', 'none'];

/** Machines have this process's Node unless they say otherwise. */
export async function startInstalling(t: TestContext, key: KeyPair = newKey()): Promise<Installing> {
  const fleet = await startFleet(t);
  const hosts = sshHosts(t, key);
  const home = join(fleet.folder, 'operator');
  const ssh = join(home, '.ssh');
  mkdirSync(ssh, { recursive: true, mode: 0o700 });
  writeFileSync(join(ssh, 'id_ed25519'), key.private, { mode: 0o600 });
  const known: string[] = [];
  const env = { HOME: home, SSH_AUTH_SOCK: '' };
  const begin = (command: string, args: readonly string[], options: RunOptions = {}): Running =>
    fleet.begin([command, ...args], { ...options, env: { ...env, ...options.env } });
  return {
    ...{ fleet, home, env, begin },
    async host(options = {}) {
      const host = await hosts.start({ node: true, ...options });
      known.push(host.knownHost);
      writeFileSync(join(ssh, 'known_hosts'), `${known.join('\n')}\n`);
      return host;
    },
    install: (args, options) => begin('install', [...NO_SERVICE, ...args], options).ended,
  };
}
