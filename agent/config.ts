import { homedir } from 'node:os';
import { join } from 'node:path';
import { MusterError } from '../proto/errors.ts';
import { MIB } from '../proto/limits.ts';
import { LOG_LEVELS, type LogLevel } from './log-level.ts';

/** What an agent can be told. Times and sizes in the units of their names. */
export interface Config {
  readonly home: string;
  readonly logLevel: LogLevel;
  /** Where the controller is tried first; empty: where the trust document says. */
  readonly url: string;
  /** A URL, which may hold a password; empty: none. */
  readonly proxy: string;
  /** A file with `user:password`; empty: none. */
  readonly proxyAuthFile: string;
  /** Reached without it, as NO_PROXY names them. */
  readonly direct: string;
  readonly parallelRuns: number;
  readonly waitingRuns: number;
  readonly reserveBytes: number;
  readonly cacheBytes: number;
}

interface Setting<T> {
  /** For commander. */
  readonly flag: string;
  readonly env: string;
  /** What others call it; asked where ours is not set, and as if unset where empty. */
  readonly alsoEnv?: readonly string[];
  readonly help: string;
  readonly fallback: () => T;
  /** Throws an Error that says what would be right. */
  readonly parse: (text: string) => T;
}

export type Env = Readonly<Record<string, string | undefined>>;

/** The one table of settings: flags win over the environment, the environment over what is built in. */
export const SETTINGS: { readonly [K in keyof Config]: Setting<Config[K]> } = {
  home: {
    flag: '--home <folder>',
    env: 'MUSTER_AGENT_HOME',
    help: "the agent's home (default: /var/lib/muster-agent for root, ~/.muster-agent otherwise)",
    fallback: () => (process.getuid?.() === 0 ? '/var/lib/muster-agent' : join(homedir(), '.muster-agent')),
    parse: (text) => {
      if (text === '') throw new Error('must not be empty');
      return text;
    },
  },
  logLevel: {
    flag: '--log-level <level>',
    env: 'MUSTER_AGENT_LOG_LEVEL',
    help: `${LOG_LEVELS.join(', ')} (default: info)`,
    fallback: () => 'info',
    parse: (text) => {
      const level = LOG_LEVELS.find((one) => one === text);
      if (!level) throw new Error(`is one of ${LOG_LEVELS.join(', ')}`);
      return level;
    },
  },
  url: {
    flag: '--url <url>',
    env: 'MUSTER_AGENT_URL',
    help: 'where the controller is tried first (default: where the trust document says); it proves itself wherever it is',
    fallback: () => '',
    parse: (text) => {
      if (!/^(https|wss|http|ws):\/\/[^/]/.test(text)) throw new Error('is an https:// or wss:// URL');
      return text;
    },
  },
  proxy: {
    flag: '--proxy <url>',
    env: 'MUSTER_AGENT_PROXY',
    alsoEnv: ['https_proxy', 'HTTPS_PROXY'],
    help: 'the HTTP proxy by which the controller is reached: http://HOST:PORT or https://HOST:PORT; "none" (default: HTTPS_PROXY)',
    fallback: () => '',
    parse: (text) => {
      if (text === '' || text === 'none') return '';
      if (!isProxy(text)) throw new Error('is not http://HOST:PORT or https://HOST:PORT of a proxy');
      return text;
    },
  },
  proxyAuthFile: {
    flag: '--proxy-auth-file <file>',
    env: 'MUSTER_AGENT_PROXY_AUTH_FILE',
    help: 'a file with one line, user:password, for the proxy',
    fallback: () => '',
    parse: (text) => text,
  },
  direct: {
    flag: '--direct <hosts>',
    env: 'MUSTER_AGENT_DIRECT',
    alsoEnv: ['no_proxy', 'NO_PROXY'],
    help: 'names, addresses and networks that are reached without the proxy, with commas (default: NO_PROXY)',
    fallback: () => '',
    parse: (text) => text,
  },
  parallelRuns: {
    flag: '--parallel-runs <n>',
    env: 'MUSTER_AGENT_PARALLEL_RUNS',
    help: 'runs at the same time; more wait for their turn (default: 8)',
    fallback: () => 8,
    parse: (text) => wholeNumber(text, 1, 1_000),
  },
  waitingRuns: {
    flag: '--waiting-runs <n>',
    env: 'MUSTER_AGENT_WAITING_RUNS',
    help: 'runs that may wait; more are refused (default: 256)',
    fallback: () => 256,
    parse: (text) => wholeNumber(text, 0, 100_000),
  },
  reserveBytes: {
    flag: '--reserve-mib <n>',
    env: 'MUSTER_AGENT_RESERVE_MIB',
    help: 'nothing is accepted with less free space than this in the home (default: 32)',
    fallback: () => 32 * MIB,
    parse: (text) => wholeNumber(text, 0, 1_000_000) * MIB,
  },
  cacheBytes: {
    flag: '--cache-mib <n>',
    env: 'MUSTER_AGENT_CACHE_MIB',
    help: 'fetched files that are kept for the next time, at most (default: 1024)',
    fallback: () => 1024 * MIB,
    parse: (text) => wholeNumber(text, 0, 1_000_000) * MIB,
  },
};

/** A path, a query or another scheme is none; what is wrong is never repeated, since it may hold a password. */
function isProxy(text: string): boolean {
  try {
    const url = new URL(text.includes('://') ? text : `http://${text}`);
    const rest = `${url.pathname}${url.search}${url.hash}`;
    return /^https?:$/.test(url.protocol) && url.hostname !== '' && (rest === '/' || rest === '');
  } catch {
    return false;
  }
}

function wholeNumber(text: string, least: number, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most)
    throw new Error(`is a whole number from ${least} to ${most}`);
  return value;
}

export type Flags = { readonly [K in keyof Config]?: string | undefined };

/** Complete and frozen. Throws MusterError('bad-request') that names the flag or variable. */
export function readConfig(flags: Flags, env: Env): Config {
  const read = <K extends keyof Config>(key: K): Config[K] => {
    const setting: Setting<Config[K]> = SETTINGS[key];
    const flag = flags[key];
    const variable = [setting.env, ...(setting.alsoEnv?.filter((name) => env[name]) ?? [])].find(
      (name) => env[name] !== undefined,
    );
    const text = flag ?? (variable === undefined ? undefined : env[variable]);
    if (text === undefined) return setting.fallback();
    try {
      return setting.parse(text);
    } catch (cause) {
      const where = flag === undefined ? variable : (setting.flag.split(' ')[0] ?? '');
      throw new MusterError('bad-request', `${where} ${(cause as Error).message}`);
    }
  };
  return Object.freeze({
    home: read('home'),
    logLevel: read('logLevel'),
    url: read('url'),
    proxy: read('proxy'),
    proxyAuthFile: read('proxyAuthFile'),
    direct: read('direct'),
    parallelRuns: read('parallelRuns'),
    waitingRuns: read('waitingRuns'),
    reserveBytes: read('reserveBytes'),
    cacheBytes: read('cacheBytes'),
  });
}
