import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import { sha512 } from '../../proto/crypto.ts';
import { toHex } from '../../proto/ids.ts';

/**
 * How far the journal has come, kept beside it: by this an older copy that was put back is known, and a journal whose last
 * commits a damaged disk has lost. What those forgot must not run again.
 */
export interface Mark {
  /** The last number noted; 0 where there is none yet, infinite where it cannot be read. */
  last(): number;
  /** Never throws: the journal itself is durable by then, and this is the second guard. */
  note(moves: number): void;
}

/** For a journal that no copy can be put in the place of. */
export const NO_MARK: Mark = { last: () => 0, note: () => {} };

const DIGITS = 15;
const SUM_CHARS = 16;
const FORM = new RegExp(`^(\\d{${DIGITS}}) ([0-9a-f]{${SUM_CHARS}})\\n$`);

/**
 * One line that is written in place, so that a full disk takes it; not fsynced, since a page that the kernel has outlives the
 * process, and after a power cut a number that is too low tells of nothing.
 */
export function markFile(path: string): Mark {
  return {
    last() {
      if (!existsSync(path)) return 0;
      const [, digits = '', sum] = FORM.exec(readFileSync(path, 'latin1')) ?? [];
      return sum !== undefined && sum === sumOf(digits) ? Number(digits) : Number.POSITIVE_INFINITY;
    },
    note(moves) {
      const digits = String(moves).padStart(DIGITS, '0');
      try {
        const fd = openSync(path, existsSync(path) ? 'r+' : 'w', 0o600);
        try {
          writeSync(fd, `${digits} ${sumOf(digits)}\n`, 0);
        } finally {
          closeSync(fd);
        }
      } catch {}
    },
  };
}

function sumOf(digits: string): string {
  return toHex(sha512(Buffer.from(digits))).slice(0, SUM_CHARS);
}
