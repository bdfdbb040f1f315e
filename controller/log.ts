import { type Logger, pino } from 'pino';

/** What features use of the log: a short event phrase and fields. */
export type Log = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'>;

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Fields that hold secrets, wherever they turn up. */
const SECRETS = ['token', 'secret', 'password', 'passphrase', 'privateKey', 'authorization', 'stdin', 'env'];

export function createLog(level: LogLevel, stream: NodeJS.WritableStream): Logger {
  const redact = {
    paths: [...SECRETS, ...SECRETS.map((name) => `*.${name}`), 'req.headers.authorization'],
    censor: '…',
  };
  return pino({ level, redact, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
}
