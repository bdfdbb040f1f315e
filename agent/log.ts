import pino from 'pino';
import type { LogLevel } from './log-level.ts';

/** Fields, then a short event phrase. What the agent's parts need of a logger. */
export interface Log {
  debug(fields: Record<string, unknown>, event: string): void;
  info(fields: Record<string, unknown>, event: string): void;
  warn(fields: Record<string, unknown>, event: string): void;
  error(fields: Record<string, unknown>, event: string): void;
}

/** Names under which a secret could be logged by mistake, at the top or one level down. */
const SECRETS = ['token', 'secret', 'privateKey', 'key', 'password', 'stdin', 'env', 'argv', 'identity'];

/** JSON lines on `fd` (2, stderr, for the agent). */
export function createLog(level: LogLevel, fd = 2): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: SECRETS.flatMap((name) => [name, `*.${name}`]),
    },
    pino.destination({ dest: fd, sync: true }),
  );
}
