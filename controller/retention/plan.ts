/** How long things are kept. Pure. */

/** Null: for ever, or without a limit. */
export interface Keep {
  /** Finished jobs with their runs, history and reports, counted from their end. */
  readonly jobsMs: number | null;
  /** The output of finished jobs; states and outcomes stay. */
  readonly outputMs: number | null;
  /** All stored output together. */
  readonly outputBytes: number | null;
}

/** What is to go: of jobs that ended before this time. */
export interface Scope {
  readonly what: 'jobs' | 'output';
  readonly endedBeforeMs: number;
}

/** By age, oldest first; a job that goes takes its output along, so that is asked for only where it stays for less long. */
export function agedOut(keep: Keep, nowMs: number): Scope[] {
  const { jobsMs, outputMs } = keep;
  const scopes: Scope[] = [];
  if (jobsMs !== null) scopes.push({ what: 'jobs', endedBeforeMs: nowMs - jobsMs });
  if (outputMs !== null && (jobsMs === null || outputMs < jobsMs))
    scopes.push({ what: 'output', endedBeforeMs: nowMs - outputMs });
  return scopes;
}

/** How many bytes of output have to go, so that what comes next fits as well: it is not done again for every byte. */
export function excessBytes(keep: Keep, storedBytes: number): number {
  const { outputBytes } = keep;
  if (outputBytes === null || storedBytes <= outputBytes) return 0;
  return storedBytes - Math.floor(outputBytes * 0.95);
}

const MIB = 1024 * 1024;

/**
 * How many free bytes inside the database are given back: what the next days need again stays, unless the disk is full and they
 * are what it lacks.
 */
export function spareBytes(
  size: { readonly bytes: number; readonly freeBytes: number },
  diskIsFull: boolean,
): number {
  if (diskIsFull) return size.freeBytes;
  const keptBytes = Math.max(64 * MIB, size.bytes * 0.2);
  // Not for little: each page that is given back is one that is moved.
  return size.freeBytes > keptBytes * 1.25 ? Math.floor(size.freeBytes - keptBytes) : 0;
}
