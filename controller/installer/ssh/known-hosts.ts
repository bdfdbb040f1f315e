import { equalSecrets, hmacSha1, sha256 } from '../../../proto/crypto.ts';
import type { RandomBytes } from '../../../proto/random.ts';
import { type Pattern, patternsMatch, readPattern } from './pattern.ts';

/** OpenSSH's known_hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): which key belongs to which host. Pure. */

export interface KnownHost {
  /** `file:line`. */
  readonly where: string;
  readonly marker: 'none' | 'revoked' | 'authority';
  readonly hosts: readonly Pattern[] | Hidden;
  readonly keyType: string;
  /** As it travels in SSH: RFC 4253, 6.6. */
  readonly keyBlob: Uint8Array;
}

/** A name that `ssh-keygen -H` hid. */
interface Hidden {
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

export interface KnownHosts {
  readonly entries: readonly KnownHost[];
  /** Lines that could not be read; they are worth nothing. */
  readonly notes: readonly string[];
}

/** The host as it was asked for, or the alias that its key goes by. */
export interface Asked {
  readonly host: string;
  readonly port: number;
  readonly hostKeyAlias?: string | undefined;
}

export type Judgement =
  | { readonly is: 'known' }
  /** Nothing is known of this host, or only what `@cert-authority` says. */
  | { readonly is: 'unknown' }
  /** Another key is known, at `where`; of another type perhaps, which is no better: OpenSSH refuses it as well. */
  | { readonly is: 'changed'; readonly where: string; readonly keyType: string }
  | { readonly is: 'revoked'; readonly where: string };

/** Files in the order in which they count; a file that is not there is left out. */
export function readKnownHosts(files: readonly { path: string; text: string }[]): KnownHosts {
  const entries: KnownHost[] = [];
  const notes: string[] = [];
  for (const { path, text } of files)
    for (const [index, raw] of text.split('\n').entries()) {
      const line = raw.trim();
      if (line === '' || line.startsWith('#')) continue;
      const where = `${path}:${index + 1}`;
      const entry = readLine(line, where);
      if (typeof entry === 'string') notes.push(`${where}: not taken: ${entry}`);
      else entries.push(entry);
    }
  return { entries, notes };
}

function readLine(line: string, where: string): KnownHost | string {
  const words = line.split(/[ \t]+/);
  const marked = words[0]?.startsWith('@') ? words.shift() : undefined;
  const marker = marked === undefined ? 'none' : MARKERS[marked];
  if (marker === undefined) return 'its marker is neither @revoked nor @cert-authority';
  const [hosts = '', keyType = '', base64 = ''] = words;
  if (base64 === '') return 'expected host, key type and key';
  const keyBlob = bytesOf(base64);
  if (keyBlob === undefined || keyTypeOf(keyBlob) !== keyType)
    return `its key is no ${/^[\w@.-]{1,64}$/.test(keyType) ? keyType : 'SSH key'}`;
  if (!hosts.startsWith('|'))
    return { where, marker, hosts: hosts.toLowerCase().split(',').map(readPattern), keyType, keyBlob };
  const [, salt, hash] = /^\|1\|([^|]+)\|([^|]+)$/.exec(hosts) ?? [];
  const hidden = { salt: bytesOf(salt ?? ''), hash: bytesOf(hash ?? '') };
  if (hidden.salt?.length !== HASH_BYTES || hidden.hash?.length !== HASH_BYTES)
    return 'its hidden host cannot be read';
  return { where, marker, hosts: { salt: hidden.salt, hash: hidden.hash }, keyType, keyBlob };
}

const HASH_BYTES = 20;
const MARKERS: Readonly<Record<string, KnownHost['marker']>> = {
  '@revoked': 'revoked',
  '@cert-authority': 'authority',
};

/** Undefined for what is no base64. */
function bytesOf(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0) return undefined;
  return new Uint8Array(Buffer.from(text, 'base64'));
}

/** The name that a key begins with; empty where these bytes are no key. */
export function keyTypeOf(keyBlob: Uint8Array): string {
  if (keyBlob.length < 4) return '';
  const length = Buffer.from(keyBlob.buffer, keyBlob.byteOffset, 4).readUInt32BE();
  if (length > 64 || keyBlob.length <= 4 + length) return '';
  return Buffer.from(keyBlob.subarray(4, 4 + length)).toString('latin1');
}

/** What OpenSSH looks a host up by. Where a port is no usual one, the bare name counts as well, but never against the host. */
export function knownNames({ host, port, hostKeyAlias }: Asked): { name: string; bare: string | undefined } {
  if (hostKeyAlias !== undefined) return { name: hostKeyAlias.toLowerCase(), bare: undefined };
  const bare = host.toLowerCase();
  return port === 22 ? { name: bare, bare: undefined } : { name: `[${bare}]:${port}`, bare };
}

/** What the known hosts say of a key that a host has proved to hold. */
export function judgeHostKey(known: KnownHosts, asked: Asked, keyBlob: Uint8Array): Judgement {
  const { name, bare } = knownNames(asked);
  const judged = judge(known, name, keyBlob);
  if (judged.is !== 'unknown' || bare === undefined) return judged;
  const judgedBare = judge(known, bare, keyBlob);
  return judgedBare.is === 'changed' ? judged : judgedBare;
}

function judge(known: KnownHosts, name: string, keyBlob: Uint8Array): Judgement {
  let judgement: Judgement = { is: 'unknown' };
  for (const entry of known.entries) {
    if (entry.marker === 'authority' || !isOf(entry, name)) continue;
    const same = Buffer.compare(entry.keyBlob, keyBlob) === 0;
    if (entry.marker === 'revoked') {
      if (same) return { is: 'revoked', where: entry.where };
    } else if (same) judgement = { is: 'known' };
    else if (judgement.is === 'unknown')
      judgement = { is: 'changed', where: entry.where, keyType: entry.keyType };
  }
  return judgement;
}

function isOf({ hosts }: KnownHost, name: string): boolean {
  if ('salt' in hosts) return equalSecrets(hmacSha1(hosts.salt, Buffer.from(name)), hosts.hash);
  return patternsMatch(hosts, name);
}

/**
 * The host key algorithms to ask this host for first: those whose key is known. Without them a server may choose a key of another type, which
 * would look like a changed one. Empty: nothing is known.
 */
export function knownAlgorithms(known: KnownHosts, asked: Asked): string[] {
  const { name, bare } = knownNames(asked);
  const types = (one: string): string[] =>
    known.entries
      .filter((entry) => entry.marker === 'none' && isOf(entry, one))
      .map(({ keyType }) => keyType);
  const found = types(name);
  const all = found.length > 0 || bare === undefined ? found : types(bare);
  return [...new Set(all)].flatMap((type) =>
    type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type],
  );
}

/** Where `@cert-authority` speaks for this host, which is not enough here: certificates of hosts are not read. */
export function authorityFor(known: KnownHosts, asked: Asked): string | undefined {
  const { name, bare } = knownNames(asked);
  const speaks = (entry: KnownHost): boolean =>
    entry.marker === 'authority' && (isOf(entry, name) || (bare !== undefined && isOf(entry, bare)));
  return known.entries.find(speaks)?.where;
}

/** `SHA256:…`, as ssh and ssh-keygen print it. */
export function fingerprintOf(keyBlob: Uint8Array): string {
  return `SHA256:${Buffer.from(sha256(keyBlob)).toString('base64').replace(/=+$/, '')}`;
}

/** A line, with its end, for a key that is to be known from now on. `randomBytes` given: the name is hidden (HashKnownHosts). */
export function lineFor(asked: Asked, keyBlob: Uint8Array, randomBytes?: RandomBytes): string {
  const { name } = knownNames(asked);
  const salt = randomBytes?.(HASH_BYTES);
  const shown =
    salt === undefined ? name : `|1|${base64Of(salt)}|${base64Of(hmacSha1(salt, Buffer.from(name)))}`;
  return `${shown} ${keyTypeOf(keyBlob)} ${base64Of(keyBlob)}\n`;
}

const base64Of = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
