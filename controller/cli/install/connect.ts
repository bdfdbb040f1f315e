import { HostFailure } from '../../installer/failure.ts';
import type { HostEntry } from '../../installer/host.ts';
import type { Connection } from '../../installer/shell.ts';
import { type ConfigFile, readClientConfig } from '../../installer/ssh/client-config.ts';
import { createConnector } from '../../installer/ssh/connector.ts';
import { destinationOf } from '../../installer/ssh/destination.ts';
import type { HostKeys } from '../../installer/ssh/host-keys.ts';
import { fingerprintOf, judgeHostKey, readKnownHosts } from '../../installer/ssh/known-hosts.ts';
import type { Ask } from '../../installer/ssh/secrets.ts';
import { filesMatching, readBytes, readTextIfThere } from '../files.ts';
import type { Surroundings } from '../surroundings.ts';
import type { Prompts } from './prompts.ts';
import type { InstallOptions } from './request.ts';

export interface ConnectParts {
  readonly ask: Ask;
  readonly prompts: Prompts;
  note(sentence: string): void;
  /** Of the whole run. */
  readonly signal: AbortSignal;
}

const SSH_FILE_BYTES = 16 * 1024 * 1024;

/** How hosts are reached from this machine: its operator's ssh settings, keys, agent and known hosts. */
export async function createConnect(
  surroundings: Surroundings,
  options: InstallOptions,
  parts: ConnectParts,
): Promise<(entry: HostEntry, signal: AbortSignal) => Promise<Connection>> {
  const { clock, random, env, homeDirectory } = surroundings;
  const { ask, note, signal } = parts;
  const fileAt = async (path: string): Promise<ConfigFile | undefined> => {
    const text = await readTextIfThere(path);
    return text === undefined ? undefined : { path, text };
  };
  const config = await readClientConfig(
    { user: await fileAt(`${homeDirectory}/.ssh/config`), system: await fileAt('/etc/ssh/ssh_config') },
    homeDirectory,
    async (pattern) => {
      const files = await Promise.all((await filesMatching(pattern)).map(fileAt));
      return files.filter((file) => file !== undefined);
    },
  );
  for (const sentence of config.notes) note(sentence);
  const operator = {
    user: surroundings.whoAndWhere().user,
    home: homeDirectory,
    variable: (name: string) => env[name],
  };
  const flags = { user: options.user, port: options.port, identityFiles: options.identity };
  const hostKeys: HostKeys = {
    algorithms: async () => undefined,
    async judge(of, key) {
      const files = await Promise.all([...of.userKnownHostsFiles, ...of.globalKnownHostsFiles].map(fileAt));
      const judged = judgeHostKey(readKnownHosts(files.filter((file) => file !== undefined)), of, key);
      if (judged.is === 'known') return async () => {};
      throw new HostFailure(`key-${judged.is}`, 'where' in judged ? judged.where : fingerprintOf(key));
    },
    fingerprint: fingerprintOf,
  };
  const connector = createConnector({
    ...{ clock, random, hostKeys, ask, signal, agentSocket: env.SSH_AUTH_SOCK || undefined },
    readFile: async (path) => Buffer.from(await readBytes(path, SSH_FILE_BYTES)),
    ...(options.connectTimeout === undefined ? {} : { timeoutMs: options.connectTimeout }),
  });
  return (entry, stop) => connector.connect(destinationOf(entry, config, operator, flags), stop);
}
