import { isIP } from 'node:net';
import { EXIT, Failure, wrongUse } from './failure.ts';
import { readTextIfThere } from './files.ts';
import { contextFileOf } from './home.ts';
import type { Surroundings } from './surroundings.ts';

/** Which controller is meant, and as whom. What `context.json` holds. */
export interface Context {
  /** https, without a path. */
  url: string;
  /** PEM of the pinned certificate authority; left out: the system's authorities and the host's name decide. */
  ca?: string;
  token: string;
}

/**
 * `context.json` of MUSTER_HOME, with what the environment says instead, for scripts:
 * MUSTER_URL, MUSTER_TOKEN_FILE (its only line), MUSTER_CA_FILE (PEM).
 */
export async function readContext(surroundings: Surroundings): Promise<Context> {
  const { env } = surroundings;
  const path = contextFileOf(surroundings);
  const text =
    env.MUSTER_URL && env.MUSTER_TOKEN_FILE && env.MUSTER_CA_FILE ? undefined : await readTextIfThere(path);
  const stored = text === undefined ? undefined : parseContext(text, path);
  const url = env.MUSTER_URL ? parseUrl(env.MUSTER_URL, 'MUSTER_URL') : stored?.url;
  if (url === undefined) throw nothingKnown(`${path} is not there`);
  const ca = env.MUSTER_CA_FILE ? await readText(env.MUSTER_CA_FILE) : stored?.ca;
  const token = env.MUSTER_TOKEN_FILE
    ? parseToken(await readText(env.MUSTER_TOKEN_FILE), env.MUSTER_TOKEN_FILE)
    : stored?.token;
  if (token === undefined) throw nothingKnown(`MUSTER_URL is set, but there is no token for it`);
  // With our own authority pinned, whoever gets the token is our controller, whatever the URL; a public one certifies
  // everybody.
  if (ca === undefined && !env.MUSTER_TOKEN_FILE && url !== stored?.url)
    throw wrongUse(
      `MUSTER_URL names another controller than ${path}, whose token it shall not get`,
      'set MUSTER_TOKEN_FILE too, or use "muster login URL"',
    );
  return { url, token, ...(ca === undefined ? {} : { ca }) };
}

async function readText(path: string): Promise<string> {
  const text = await readTextIfThere(path);
  if (text === undefined) throw wrongUse(`${path}: there is no such file`);
  return text;
}

function nothingKnown(why: string): Failure {
  return new Failure(
    EXIT.refused,
    `no controller is known here: ${why}`,
    'start one with "muster serve", or use "muster login URL"; MUSTER_HOME says where to look',
  );
}

export function parseContext(text: string, path: string): Context {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Failure(EXIT.refused, `${path} is not JSON`, 'make it again with "muster login URL"');
  }
  const { url, ca, token } = (typeof value === 'object' && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  if (typeof url !== 'string' || typeof token !== 'string' || (ca !== undefined && typeof ca !== 'string'))
    throw new Failure(EXIT.refused, `${path} lacks url or token`, 'make it again with "muster login URL"');
  return { url: parseUrl(url, path), token: parseToken(token, path), ...(ca === undefined ? {} : { ca }) };
}

/** Where controllers listen unless told otherwise. */
export const DEFAULT_PORT = 7443;

/**
 * `https://host[:port]`, also written `host[:port]`, which means port 7443. Returns the origin. `place` is named in
 * the error. An address of IPv6 stands in brackets.
 */
export function parseUrl(text: string, place: string): string {
  const bare = !/^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  const withPort = bare && isIP(text) === 6 ? `[${text}]` : text;
  let url: URL;
  try {
    url = new URL(bare ? `https://${withPort}` : text);
  } catch {
    throw wrongUse(`${place}: "${text}" is not a URL`, 'write it like https://controller:7443');
  }
  // A token must not cross a network in the clear, not even once.
  if (url.protocol !== 'https:')
    throw wrongUse(`${place}: "${text}" is not https`, 'write it like https://controller:7443');
  if (url.username || url.password || url.search || url.hash || url.pathname !== '/')
    throw wrongUse(
      `${place}: "${text}" has more than a host and a port`,
      'write it like https://controller:7443',
    );
  if (bare && !/:\d+$/.test(withPort)) url.port = String(DEFAULT_PORT);
  return url.origin;
}

/** Throws a Failure (wrong use) for what cannot be an API token. */
export function parseToken(text: string, place: string): string {
  const token = text.trim();
  if (!/^[A-Za-z0-9._~+/=-]+$/.test(token)) throw wrongUse(`${place} holds no API token`);
  return token;
}
