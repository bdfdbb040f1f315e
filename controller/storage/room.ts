/**
 * Whether the controller may take on more. Pure.
 *
 *   open ──free space < reserve, or a write failed──> full ──a quarter more than the reserve is free, and writes work──> open
 *
 * While it is full new jobs are refused; what agents report is stored as long as there is any room at all.
 */
export interface Room {
  /** Why nothing new is taken on, in a sentence; undefined: it is. */
  readonly full: string | undefined;
  /** Why nothing at all can be stored; undefined: as far as we know it can. */
  readonly broken: string | undefined;
}

export const OPEN: Room = { full: undefined, broken: undefined };

export interface Seen {
  /** Infinity where nobody knows. */
  readonly freeBytes: number;
  /** What the last write died of. */
  readonly writeProblem: string | undefined;
}

/** What is free goes up and down by itself: less than this more than the reserve is not enough to begin again. */
const AGAIN = 1.25;

export function roomAfter(before: Room, { freeBytes, writeProblem }: Seen, reserveBytes: number): Room {
  if (writeProblem !== undefined)
    return { full: `the database cannot be written: ${writeProblem}`, broken: writeProblem };
  const wantedBytes = before.full === undefined ? reserveBytes : reserveBytes * AGAIN;
  if (freeBytes >= wantedBytes) return OPEN;
  return {
    full: `${mebibytes(freeBytes)} MiB of its disk are free, ${mebibytes(reserveBytes)} MiB are kept for results`,
    broken: undefined,
  };
}

const mebibytes = (bytes: number): number => Math.floor(bytes / 1024 ** 2);
