import type { HostEntry } from '../../installer/host.ts';
import type { Connection } from '../../installer/shell.ts';
import { type ConfigFile, readClientConfig } from '../../installer/ssh/client-config.ts';
import { createConnector } from '../../installer/ssh/connector.ts';
import { destinationOf } from '../../installer/ssh/destination.ts';
import { createHostKeys, type NewHostKey } from '../../installer/ssh/host-keys.ts';
import { addKnownHost, readKnownHostsFile } from '../../installer/ssh/known-hosts-file.ts';
import type { Ask } from '../../installer/ssh/secrets.ts';
import { Failure } from '../failure.ts';
import { filesMatching, readBytes, readTextIfThere } from '../files.ts';
import { sanitiseLine } from '../output/sanitise.ts';
import type { Surroundings } from '../surroundings.ts';
import type { Prompts } from './prompts.ts';
import type { ReachOptions } from './request.ts';

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
  options: ReachOptions,
  parts: ConnectParts,
): Promise<(entry: HostEntry, signal: AbortSignal) => Promise<Connection>> {
  const { clock, random, env, homeDirectory, stdin, stderr } = surroundings;
  const { ask, prompts, note, signal } = parts;
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
  const hostKeys = createHostKeys({
    policy: options.hostKeyPolicy ?? (stdin.isTerminal && stderr.isTerminal ? 'ask' : 'strict'),
    random,
    readKnown: readKnownHostsFile,
    // Under --check nothing is changed, here neither.
    addKnown: options.check ? async () => {} : addKnownHost,
    confirm: (key) =>
      prompts.confirm(
        `The host key of ${whoseKey(key)} is not known: ${key.keyType} ${key.fingerprint}`,
        'Is that its key? [y/N] ',
      ),
    accepted: (key, file) =>
      note(
        `the host key of ${whoseKey(key)} is ${key.keyType} ${key.fingerprint}` +
          (file === undefined || options.check ? '; it is not recorded' : `, recorded in ${file}`),
      ),
  });
  const connector = createConnector({
    ...{ clock, random, hostKeys, ask, signal, agentSocket: env.SSH_AUTH_SOCK || undefined },
    readFile: readKey,
    ...(options.connectTimeout === undefined ? {} : { timeoutMs: options.connectTimeout }),
  });
  return (entry, stop) =>
    connector.connect(destinationOf(entry, config, operator, flags), stop, entry.sudo ?? options.sudo);
}

/** By the name that somebody wrote, and by what ssh's settings made of it. */
function whoseKey({ name, host, port }: NewHostKey): string {
  const address = port === 22 ? host : `${host} port ${port}`;
  return sanitiseLine(host === name ? address : `${name} (${address})`);
}

/** Rejects with what the machine says, which tells a key that is not there from one that cannot be read. */
async function readKey(path: string): Promise<Buffer> {
  try {
    return Buffer.from(await readBytes(path, SSH_FILE_BYTES));
  } catch (error) {
    throw error instanceof Failure ? (error.cause ?? error) : error;
  }
}
