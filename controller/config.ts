import { join } from 'node:path';
import type { LogLevel } from './log.ts';

/** How much is kept and for how long; null: for ever, or without a limit. */
export interface Keeping {
  /** Finished jobs with their runs, history and reports. */
  readonly jobsMs: number | null;
  /** The output of finished jobs. */
  readonly outputMs: number | null;
  /** All stored output together. */
  readonly outputBytes: number | null;
  /** Free space of the disk below which nothing new is taken on: it is for results. */
  readonly reserveBytes: number;
}

const DAY_MS = 86_400_000;

export const KEEPING: Keeping = {
  jobsMs: 90 * DAY_MS,
  outputMs: 30 * DAY_MS,
  outputBytes: 10 * 1024 ** 3,
  reserveBytes: 256 * 1024 ** 2,
};

/** What the controller is told at its start; the command line reads it, this file completes it. */
export interface ServeOptions {
  /** MUSTER_HOME. */
  home: string;
  listen: { host: string; port: number };
  /** Where agents and operators reach it, when that is not where it listens. */
  urls: readonly string[];
  logLevel?: LogLevel;
  /** Left out: KEEPING. */
  keeping?: Keeping;
  /** Left out: standard error. */
  logTo?: NodeJS.WritableStream;
}

export interface Config {
  home: string;
  keys: string;
  database: string;
  lock: string;
  contents: string;
  context: string;
  listen: { host: string; port: number };
  /** DNS names and addresses for the server's certificate. */
  certificateHosts(hostname: string): string[];
  /** Where it is reached, once the port is known. */
  urlsAt(port: number, hostname: string): string[];
  logLevel: LogLevel;
  keeping: Keeping;
}

const ANY_ADDRESS = new Set(['0.0.0.0', '::', '']);
const LOOPBACK = ['localhost', '127.0.0.1', '::1'];

export function completeConfig(options: ServeOptions): Config {
  const { home, listen, urls } = options;
  const reachedAt = (hostname: string): string => (ANY_ADDRESS.has(listen.host) ? hostname : listen.host);
  return {
    home,
    listen,
    keys: join(home, 'keys'),
    database: join(home, 'muster.db'),
    lock: join(home, 'lock.db'),
    contents: join(home, 'contents'),
    context: join(home, 'context.json'),
    certificateHosts: (hostname) => [
      ...new Set([
        ...LOOPBACK,
        hostname,
        reachedAt(hostname),
        ...urls.map((url) => bare(new URL(url).hostname)),
      ]),
    ],
    urlsAt: (port, hostname) =>
      urls.length > 0 ? [...urls] : [`https://${bracketed(reachedAt(hostname))}:${port}`],
    logLevel: options.logLevel ?? 'info',
    keeping: options.keeping ?? KEEPING,
  };
}

function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
