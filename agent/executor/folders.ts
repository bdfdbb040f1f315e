import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { endHolder } from './found.ts';

interface RunName {
  readonly jobId: string;
  readonly attempt: number;
}

/** The spool as a whole: what runs have there, whoever started them. */
export interface RunFolders {
  hasBegun(run: RunName): boolean;
  sweep(isNeeded: (run: RunName) => boolean): void;
}

/** JOB-ATTEMPT-INDEX, JOB-ATTEMPT-INDEX-PART and JOB-ATTEMPT.log. */
const NAME = /^([0-9a-f]{32})-(\d+)(?:-\d+(?:-[a-z]+)?|\.log)$/;

export function runFolders(spoolDir: string): RunFolders {
  return {
    hasBegun: ({ jobId, attempt }) =>
      namesIn(spoolDir).some(
        (name) => name.startsWith(`${jobId}-${attempt}-`) || name === `${jobId}-${attempt}.log`,
      ),
    sweep(isNeeded) {
      for (const name of namesIn(spoolDir)) {
        const [, jobId, attempt] = NAME.exec(name) ?? [];
        if (!jobId || isNeeded({ jobId, attempt: Number(attempt) })) continue;
        const path = join(spoolDir, name);
        if (name.endsWith('.log') || endHolder(path)) rmSync(path, { recursive: true, force: true });
      }
    },
  };
}

/** The paths of the folder `base` and of those whose names go on with a dash; some may not be there. */
export function foldersOf(base: string): string[] {
  const folder = dirname(base);
  const begin = `${basename(base)}-`;
  return [
    base,
    ...namesIn(folder)
      .filter((name) => name.startsWith(begin))
      .map((name) => join(folder, name)),
  ];
}

/** None where the folder is not there. Throws what the machine throws: not to know is not to find nothing. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
