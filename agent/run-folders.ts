import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Ending, parseEnding } from './executor/shim.ts';
import type { RunKey } from './spool/journal.ts';

/** What an agent before this one left in the executor's folders, named JOB-ATTEMPT-INDEX. */
export interface RunFolders {
  /** How the tasks of a run ended, from the first on, as far as their folders say. */
  endings(run: RunKey): Ending[];
  /** Removes the folders of tasks that have ended and whose run nobody needs. */
  sweep(isNeeded: (run: RunKey) => boolean): void;
}

/** Without this line a shim may still be at work, or was killed. */
const COMMITTED = /(?:^|\n)exit \d{1,3}\n$/;
const NAME = /^([0-9a-f]{32})-(\d+)-(\d+)$/;

export function runFolders(folder: string): RunFolders {
  function ending(name: string): Ending | undefined {
    try {
      const text = readFileSync(join(folder, name, 'exit'), 'utf8');
      return COMMITTED.test(text) ? parseEnding(text, undefined) : undefined;
    } catch {
      return undefined;
    }
  }

  return {
    endings({ jobId, attempt }) {
      const found: Ending[] = [];
      for (let index = 0; ; index++) {
        const one = ending(`${jobId}-${attempt}-${index}`);
        if (!one) return found;
        found.push(one);
      }
    },
    sweep(isNeeded) {
      for (const name of names(folder)) {
        const [, jobId, attempt] = NAME.exec(name) ?? [];
        if (!jobId || isNeeded({ jobId, attempt: Number(attempt) })) continue;
        if (ending(name)) rmSync(join(folder, name), { recursive: true, force: true });
      }
    },
  };
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
