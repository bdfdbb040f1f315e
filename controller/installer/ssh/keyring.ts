import ssh2, { type ParsedKey, type SigningRequestOptions } from 'ssh2';
import type { Destination } from '../host.ts';
import { fromPkcs8 } from './pkcs8.ts';
import type { Ask } from './secrets.ts';

/** A key that a host may let in with. */
export interface Identity {
  /** For messages: the file, or the agent. */
  readonly from: string;
  /** Its public part, at least. */
  readonly key: ParsedKey;
  sign(data: Buffer, options: SigningRequestOptions): Promise<Buffer>;
}

export interface Keyring {
  /** In the order in which ssh tries them: the named ones that the agent holds, the agent's others, the other named ones. */
  identities(of: Destination): Promise<Identity[]>;
  /** Why files and agent gave less than they could. */
  problems(of: Destination): Promise<Problem[]>;
}

export interface Problem {
  readonly sentence: string;
  /** A file that is not there: no news where it is only one of the usual ones. */
  readonly isMissing: boolean;
}

export interface KeyringPorts {
  /** Rejects where it cannot be read. */
  readFile(path: string): Promise<Buffer>;
  /** Of an ssh-agent. */
  readonly agentSocket: string | undefined;
  readonly ask: Ask;
  readonly signal: AbortSignal;
}

const PASSPHRASE_TRIES = 3;

interface KeyFile {
  readonly path: string;
  readonly publicKey: ParsedKey;
  /** Rejects where the passphrase was not told. Undefined: the file has a public key alone. */
  readonly privateKey: (() => Promise<ParsedKey>) | undefined;
}

/** Keys for all hosts of a run: each file is read, and each passphrase asked, at most once, and only for a host that takes the key. */
export function createKeyring({ readFile, agentSocket, ask, signal }: KeyringPorts): Keyring {
  const files = new Map<string, Promise<KeyFile | Problem>>();
  const agents = new Map<string, Promise<ParsedKey[] | Problem>>();

  /** The key of a file, or why there is none. */
  function keyFile(path: string): Promise<KeyFile | Problem> {
    const known =
      files.get(path) ??
      readKeyFile(path).catch(({ code, message }: NodeJS.ErrnoException) => ({
        sentence: `${path}: ${code === 'ENOENT' ? 'it is not there' : message}`,
        isMissing: code === 'ENOENT',
      }));
    files.set(path, known);
    return known;
  }

  async function readKeyFile(path: string): Promise<KeyFile> {
    const bytes = await readFile(path);
    const plain = parse(bytes);
    if (!(plain instanceof Error))
      return { path, publicKey: plain, privateKey: plain.isPrivateKey() ? async () => plain : undefined };
    if (!/encrypted/i.test(plain.message)) throw plain;
    let unlocking: Promise<ParsedKey> | undefined;
    const privateKey = (): Promise<ParsedKey> => {
      unlocking ??= unlock(path, bytes);
      return unlocking;
    };
    const publicKey = publicPart(bytes) ?? (await neighbour(path)) ?? (await privateKey());
    return { path, publicKey, privateKey };
  }

  async function neighbour(path: string): Promise<ParsedKey | undefined> {
    const key = await readFile(`${path}.pub`).then(parse, () => undefined);
    return key instanceof Error ? undefined : key;
  }

  async function unlock(file: string, bytes: Buffer): Promise<ParsedKey> {
    for (let round = 0; round < PASSPHRASE_TRIES; round++) {
      const passphrase = await ask({ kind: 'passphrase', file, isAgain: round > 0 }, signal);
      if (passphrase === undefined) throw new Error('its passphrase was not given');
      const key = parse(bytes, passphrase);
      if (!(key instanceof Error)) return key;
    }
    throw new Error(`its passphrase was wrong ${PASSPHRASE_TRIES} times`);
  }

  const socketOf = ({ identityAgent = agentSocket }: Destination): string | undefined =>
    identityAgent === 'none' ? undefined : identityAgent;

  /** The keys of an agent, or why there are none. */
  async function agentKeys(socket: string | undefined): Promise<ParsedKey[] | Problem> {
    if (socket === undefined) return [];
    const listed = agents.get(socket) ?? listKeys(socket);
    agents.set(socket, listed);
    return listed;
  }

  async function identities(of: Destination): Promise<Identity[]> {
    const { identityFiles, identitiesOnly } = of;
    const socket = socketOf(of);
    const [held, ...named] = await Promise.all([agentKeys(socket), ...identityFiles.map(keyFile)]);
    const inAgent = new Map(('sentence' in held ? [] : held).map((key) => [idOf(key), key]));
    const usable = named.filter((one) => 'path' in one);
    const first = usable
      .filter(({ publicKey }) => inAgent.has(idOf(publicKey)))
      .map(({ publicKey }) => publicKey);
    const names = new Set(usable.map(({ publicKey }) => idOf(publicKey)));
    const others = identitiesOnly ? [] : [...inAgent.values()].filter((key) => !names.has(idOf(key)));
    const rest = usable.flatMap(({ path, publicKey, privateKey }) =>
      inAgent.has(idOf(publicKey)) || !privateKey ? [] : [ofFile(path, publicKey, privateKey)],
    );
    return distinct([...[...first, ...others].map((key) => ofAgent(key, socket ?? '')), ...rest]);
  }

  return {
    identities,
    async problems(of) {
      const all = await Promise.all([agentKeys(socketOf(of)), ...of.identityFiles.map(keyFile)]);
      return all.filter((one) => 'sentence' in one);
    },
  };
}

function listKeys(socket: string): Promise<ParsedKey[] | Problem> {
  return new Promise((resolve) => {
    ssh2.createAgent(socket).getIdentities((error, keys) => {
      if (error) resolve({ sentence: `ssh-agent at ${socket}: ${error.message}`, isMissing: false });
      else resolve((keys ?? []).flatMap((key) => parsed(key)));
    });
  });
}

function ofAgent(key: ParsedKey, socket: string): Identity {
  const agent = ssh2.createAgent(socket);
  return {
    from: 'ssh-agent',
    key,
    sign: (data, options) =>
      new Promise((resolve, reject) => {
        agent.sign(key, data, options, (error, signature) => {
          if (signature) resolve(signature);
          else reject(error ?? new Error('no signature'));
        });
      }),
  };
}

function ofFile(path: string, key: ParsedKey, privateKey: () => Promise<ParsedKey>): Identity {
  return {
    from: path,
    key,
    async sign(data, options) {
      // As its declarations do not say, it answers with an error instead of throwing it.
      const signature: Buffer | Error = (await privateKey()).sign(data, options.hash);
      if (signature instanceof Error) throw signature;
      return signature;
    },
  };
}

const idOf = (key: ParsedKey): string => key.getPublicSSH().toString('base64');

function distinct(identities: readonly Identity[]): Identity[] {
  return [...new Map(identities.map((one) => [idOf(one.key), one])).values()];
}

function parse(bytes: Buffer, passphrase?: string): ParsedKey | Error {
  try {
    const other = fromPkcs8(bytes, passphrase);
    const found: ParsedKey | Error | (ParsedKey | Error)[] = other
      ? ssh2.utils.parseKey(other)
      : ssh2.utils.parseKey(bytes, passphrase);
    return Array.isArray(found) ? (found[0] ?? new Error('no key in it')) : found;
  } catch (error) {
    return error as Error;
  }
}

function parsed(key: unknown): ParsedKey[] {
  const found = ssh2.utils.parseKey(key as Buffer);
  return found instanceof Error ? [] : [found];
}

const MAGIC = Buffer.from('openssh-key-v1\0');

/** What an encrypted file in OpenSSH's own format (PROTOCOL.key) says without its passphrase. */
function publicPart(bytes: Buffer): ParsedKey | undefined {
  const text = /-----BEGIN OPENSSH PRIVATE KEY-----([\sA-Za-z0-9+/=]+)-----END/.exec(
    bytes.toString('latin1'),
  );
  const raw = Buffer.from(text?.[1] ?? '', 'base64');
  if (!raw.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  let at = MAGIC.length;
  const next = (): Buffer => {
    const length = at + 4 <= raw.length ? raw.readUInt32BE(at) : 0;
    at += 4 + length;
    return raw.subarray(at - length, at);
  };
  // Cipher, key derivation, its options; then how many keys there are, which is always one.
  next();
  next();
  next();
  at += 4;
  const key = parse(next());
  return key instanceof Error ? undefined : key;
}
