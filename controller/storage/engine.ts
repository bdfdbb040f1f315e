import type { Clock } from '../../proto/clock.ts';
import { MusterError } from '../../proto/errors.ts';
import type { Database } from '../db/database.ts';
import { isStoreFailure } from '../db/sqlite-error.ts';
import type { Bus } from '../events.ts';
import type { Log } from '../log.ts';
import { OPEN, type Room, roomAfter } from './room.ts';
import { bytesOfContents, touch } from './store.ts';

export interface StoragePorts {
  clock: Clock;
  db: Database;
  bus: Pick<Bus, 'emit'>;
  log: Log;
  disk: { freeBytes(): Promise<number> };
  reserveBytes: number;
}

export interface StorageFigures {
  databaseBytes: number;
  /** Of them free for what comes next. */
  reusableBytes: number;
  contentBytes: number;
  /** Of the disk; null: not known. */
  freeBytes: number | null;
  /** Why nothing new is taken on; null: it is. */
  full: string | null;
}

export interface Storage {
  /** The database as everybody uses it: a write that fails is noticed here. */
  readonly db: Database;
  /** Throws store-full while there is no room for anything new. */
  admit(): void;
  isFull(): boolean;
  figures(): Promise<StorageFigures>;
  /** Sentences about what somebody should do. */
  warnings(): string[];
  start(): void;
  stop(): void;
}

const LOOK_MS = 5_000;
const LOOK_WHILE_FULL_MS = 2_000;

/**
 * Refuses what is new while there is little room, so that what runs already can be told to its end.
 *
 * It looks every few seconds; a write that fails is known at once. What nobody could store stays at its agent, which sends it again
 * when `store-writable` has told the door.
 */
export function createStorage(ports: StoragePorts): Storage {
  const { clock, log, bus } = ports;
  let room: Room = OPEN;
  let writeProblem: string | undefined;
  let cancelTimer = (): void => {};
  let running = false;
  let looking = false;

  const db: Database = {
    read: (query) => ports.db.read(query),
    commits: () => ports.db.commits(),
    size: () => ports.db.size(),
    shrink: (bytes) => ports.db.shrink(bytes),
    close: () => ports.db.close(),
    async write(batch, lane) {
      try {
        await ports.db.write(batch, lane);
      } catch (error) {
        if (isStoreFailure(error)) noticed(error);
        throw error;
      }
    },
  };

  function noticed(error: MusterError): void {
    if (writeProblem !== undefined) return;
    writeProblem = error.detail ?? error.code;
    move(roomAfter(room, { freeBytes: 0, writeProblem }, ports.reserveBytes));
    lookIn(LOOK_WHILE_FULL_MS);
  }

  function move(next: Room): void {
    const before = room;
    room = next;
    if (next.full !== undefined && before.full === undefined) {
      log.error({ why: next.full }, 'store full: new jobs are refused, results are still taken');
      bus.emit({ type: 'store-full' });
    }
    if (next.broken === undefined && before.broken !== undefined) {
      log.info('the database can be written again');
      bus.emit({ type: 'store-writable' });
    }
    if (next.full === undefined && before.full !== undefined) {
      log.info('store has room again: new jobs are taken');
      bus.emit({ type: 'store-room' });
    }
  }

  async function look(): Promise<void> {
    if (looking) return;
    looking = true;
    try {
      // A transaction without a page of its own would work on a full disk as well.
      if (writeProblem !== undefined) {
        const value = Buffer.from(String(clock.now()));
        writeProblem = await ports.db.write([touch({ value })]).then(() => undefined, problemOf);
      }
      const freeBytes = await ports.disk.freeBytes();
      if (running) move(roomAfter(room, { freeBytes, writeProblem }, ports.reserveBytes));
    } catch (error) {
      log.error({ err: error }, 'free space is not known');
    } finally {
      looking = false;
    }
    if (running) lookIn(room.full === undefined ? LOOK_MS : LOOK_WHILE_FULL_MS);
  }

  function lookIn(ms: number): void {
    cancelTimer();
    if (running) cancelTimer = clock.after(ms, () => void look());
  }

  return {
    db,
    admit() {
      if (room.full !== undefined) throw new MusterError('store-full', room.full);
    },
    isFull: () => room.full !== undefined,
    warnings: () =>
      room.full === undefined
        ? []
        : [`new jobs are refused: ${room.full}; make room, or run "muster jobs prune"`],
    async figures() {
      const { bytes, freeBytes: reusableBytes } = db.size();
      const [contents] = await db.read(bytesOfContents());
      const freeBytes = await ports.disk.freeBytes();
      return {
        databaseBytes: bytes,
        reusableBytes,
        contentBytes: contents?.bytes ?? 0,
        freeBytes: Number.isFinite(freeBytes) ? freeBytes : null,
        full: room.full ?? null,
      };
    },
    start() {
      running = true;
      void look();
    },
    stop() {
      running = false;
      cancelTimer();
    },
  };
}

const problemOf = (error: unknown): string =>
  error instanceof MusterError ? (error.detail ?? error.code) : String(error);
