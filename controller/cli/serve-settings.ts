import { KEEPING } from '../config.ts';
import { formatDuration, parseDuration } from './duration.ts';
import { Failure, wrongUse } from './failure.ts';
import { formatSize, parseSize } from './size.ts';

/** What `muster serve` can be told. Times and sizes in the units of their names; null: for ever, or without a limit. */
export interface ServeSettings {
  readonly listen: string;
  readonly urls: readonly string[];
  readonly logLevel: LogLevel;
  readonly keepJobsMs: number | null;
  readonly keepOutputMs: number | null;
  readonly maxOutputStoreBytes: number | null;
  readonly reserveBytes: number;
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

interface Setting<T> {
  /** For commander. */
  readonly flag: string;
  readonly env: string;
  readonly help: string;
  readonly fallback: T;
  /** Of the flag; the variable holds them with commas. */
  readonly isList?: true;
  /** For help and completion; `parse` refuses the others. */
  readonly choices?: readonly string[];
  /** Throws a Failure that says what would be right. */
  readonly parse: (text: string) => T;
}

const NEVER = 'never';
const orNever = (value: number | null, format: (value: number) => string): string =>
  value === null ? NEVER : format(value);
const unlessNever =
  (parse: (text: string) => number) =>
  (text: string): number | null =>
    text === NEVER ? null : parse(text);

/** A millisecond is a way to say zero; what was meant is asked for by its name. */
const age = (text: string): number => parseDuration(text, { minMs: 60_000 });

/** The one table of settings: flags win over the environment, the environment over what is built in. */
export const SETTINGS: { readonly [K in keyof ServeSettings]: Setting<ServeSettings[K]> } = {
  listen: {
    flag: '--listen <host:port>',
    env: 'MUSTER_SERVE_LISTEN',
    help: 'where agents and operators connect (127.0.0.1:7443 where not said)',
    fallback: '127.0.0.1:7443',
    parse: (text) => text,
  },
  urls: {
    flag: '--url <url>',
    env: 'MUSTER_SERVE_URLS',
    help: 'how it is reached from elsewhere; several times: several',
    fallback: [],
    isList: true,
    parse: (text) => text.split(',').filter((url) => url !== ''),
  },
  logLevel: {
    flag: '--log-level <level>',
    env: 'MUSTER_SERVE_LOG_LEVEL',
    help: 'what it writes to stderr, one JSON object a line (info where not said)',
    choices: LOG_LEVELS,
    fallback: 'info',
    parse: (text) => {
      const level = LOG_LEVELS.find((one) => one === text);
      if (!level) throw wrongUse(`"${text}" is none of ${LOG_LEVELS.join(', ')}`);
      return level;
    },
  },
  keepJobsMs: {
    flag: '--keep-jobs <age>',
    env: 'MUSTER_SERVE_KEEP_JOBS',
    help: `how long finished jobs stay, with history and reports: an age like 36h or 90d, or never (${orNever(KEEPING.jobsMs, formatDuration)} where not said)`,
    fallback: KEEPING.jobsMs,
    parse: unlessNever(age),
  },
  keepOutputMs: {
    flag: '--keep-output <age>',
    env: 'MUSTER_SERVE_KEEP_OUTPUT',
    help: `how long the output of finished jobs stays; states and outcomes stay with the job (${orNever(KEEPING.outputMs, formatDuration)} where not said)`,
    fallback: KEEPING.outputMs,
    parse: unlessNever(age),
  },
  maxOutputStoreBytes: {
    flag: '--max-output-store <size>',
    env: 'MUSTER_SERVE_MAX_OUTPUT_STORE',
    help: `what is kept of all output together; the oldest finished job's goes first (${orNever(KEEPING.outputBytes, formatSize)} where not said)`,
    fallback: KEEPING.outputBytes,
    parse: unlessNever((text) => parseSize(text)),
  },
  reserveBytes: {
    flag: '--reserve <size>',
    env: 'MUSTER_SERVE_RESERVE',
    help: `free space below which new jobs are refused, and only results are stored; 0: none (${formatSize(KEEPING.reserveBytes)} where not said)`,
    fallback: KEEPING.reserveBytes,
    parse: (text) => parseSize(text, { minBytes: 0 }),
  },
};

export type ServeFlags = { readonly [K in keyof ServeSettings]?: string | readonly string[] | undefined };

/** Complete. Throws a Failure (wrong use) that names the flag or the variable. */
export function readSettings(
  flags: ServeFlags,
  env: Readonly<Record<string, string | undefined>>,
): ServeSettings {
  const read = <K extends keyof ServeSettings>(key: K): ServeSettings[K] => {
    const setting: Setting<ServeSettings[K]> = SETTINGS[key];
    const flag = flags[key];
    const text = flag === undefined ? env[setting.env] : [flag].flat().join(',');
    // An empty variable is one that somebody unset.
    if (text === undefined || (flag === undefined && text === '')) return setting.fallback;
    try {
      return setting.parse(text);
    } catch (error) {
      const where = flag === undefined ? setting.env : setting.flag.split(' ')[0];
      throw error instanceof Failure ? wrongUse(`${where}: ${error.message}`, error.next) : error;
    }
  };
  return {
    listen: read('listen'),
    urls: read('urls'),
    logLevel: read('logLevel'),
    keepJobsMs: read('keepJobsMs'),
    keepOutputMs: read('keepOutputMs'),
    maxOutputStoreBytes: read('maxOutputStoreBytes'),
    reserveBytes: read('reserveBytes'),
  };
}
