import { existsSync, renameSync } from 'node:fs';
import { MusterError } from '../../proto/errors.ts';
import type { Journal } from './journal.ts';
import { markFile } from './mark.ts';
import { sqliteJournal } from './sqlite.ts';
import { isBusy, isCorrupt } from './sqlite-error.ts';

export interface JournalFile {
  readonly file: string;
  newEpoch(): Uint8Array;
  /** Told when a journal could not be read: it was moved to `movedTo`, and a new one with a new epoch took its place. */
  onCorrupt(cause: Error, movedTo: string): void;
  /** Told when the journal is an older copy of itself, or has lost its last commits: it has begun a new epoch. */
  onOlder?(): void;
  now(): number;
}

/**
 * Opens the journal, or makes one. One that is damaged is moved aside, never repaired: what it forgot cannot be known, so
 * the new one's epoch makes every outstanding bundle stop matching. So does one that is behind the mark beside it.
 * Throws MusterError('home-busy') while another agent has it open, 'journal-failed' for anything else.
 */
export function openJournal(at: JournalFile): Journal {
  const mark = { ...markFile(`${at.file}-mark`), onOlder: () => at.onOlder?.() };
  try {
    return sqliteJournal(at.file, at.newEpoch, mark);
  } catch (cause) {
    if (isBusy(cause)) throw new MusterError('home-busy');
    if (!isCorrupt(cause)) throw failed(cause);
    const movedTo = moveAside(at.file, at.now());
    at.onCorrupt(cause as Error, movedTo);
  }
  try {
    return sqliteJournal(at.file, at.newEpoch, mark);
  } catch (cause) {
    throw failed(cause);
  }
}

function failed(cause: unknown): MusterError {
  if (cause instanceof MusterError) return cause;
  return new MusterError('journal-failed', cause instanceof Error ? cause.message : String(cause), { cause });
}

function moveAside(file: string, nowMs: number): string {
  let movedTo = `${file}.corrupt-${nowMs}`;
  for (let n = 1; existsSync(movedTo); n++) movedTo = `${file}.corrupt-${nowMs}-${n}`;
  for (const suffix of ['-wal', '-shm'])
    if (existsSync(file + suffix)) renameSync(file + suffix, movedTo + suffix);
  renameSync(file, movedTo);
  return movedTo;
}
