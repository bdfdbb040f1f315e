import { MusterError } from '../../proto/errors.ts';
import type { Journal } from './journal.ts';

/** SQLite's primary result codes (sqlite.org/rescode.html) that mean something to us. */
export const CORRUPT = 11;
const BUSY = 5;
const NOT_A_DATABASE = 26;

function codeOf(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === 'number' ? code & 0xff : undefined;
}

export function isCorrupt(error: unknown): boolean {
  const code = codeOf(error);
  return code === CORRUPT || code === NOT_A_DATABASE;
}

/** The journal was closed before. */
function isClosed(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ERR_INVALID_STATE';
}

/** Another process holds the journal. */
export function isBusy(error: unknown): boolean {
  return codeOf(error) === BUSY;
}

/** Whatever SQLite throws becomes MusterError('journal-failed'); errors of a caller's own functions pass. */
export function guard(journal: Journal): Journal {
  const guarded: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(journal) as [string, (...args: unknown[]) => unknown][])
    guarded[name] = (...args: unknown[]): unknown => {
      try {
        return method(...args);
      } catch (cause) {
        if (codeOf(cause) === undefined && !isClosed(cause)) throw cause;
        throw new MusterError('journal-failed', (cause as Error).message, { cause });
      }
    };
  return guarded as unknown as Journal;
}
