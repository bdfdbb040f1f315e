import type { Clock } from '../../proto/clock.ts';
import { localAccounts } from './account.ts';
import type { Cgroups } from './cgroup.ts';
import type { Contact } from './confirming.ts';
import { createExecutor, type Executor } from './executor.ts';
import { runFolders } from './folders.ts';
import { createLauncher } from './launcher.ts';
import { createPool, type Pool } from './pool.ts';
import { localProcessTable } from './proc.ts';
import { localPrograms } from './program.ts';
import { NO_STEPS, type Steps } from './step.ts';
import { openLogFile } from './storage.ts';

/** The executor of this machine, with its pool: start the pool before the first run, stop it last. */
export function createLocalExecutor(options: {
  readonly clock: Clock;
  /** Absolute. Everything above it has to let other users pass (mode 0711) where commands run as them. */
  readonly spoolDir: string;
  readonly spares?: number;
  readonly shell?: string;
  readonly steps?: Steps;
  /** Left out: no controller is ever reached. */
  readonly contact?: Contact;
  /** Room on the disk of the spool, and how much of it output leaves to what tells of the runs' ends. */
  readonly room?: { freeBytes(): number; readonly reserveBytes: number };
  /** What keeps a run's processes together beside their tree. */
  readonly cgroups?: Cgroups | undefined;
}): { executor: Executor; pool: Pool } {
  const { clock, spoolDir, spares, shell } = options;
  const pool = createPool({
    clock,
    spoolDir,
    cgroups: options.cgroups,
    ...(spares === undefined ? {} : { size: spares }),
    ...(shell === undefined ? {} : { shell }),
  });
  const executor = createExecutor({
    clock,
    spoolDir,
    processes: createLauncher(pool, clock),
    table: localProcessTable(options.cgroups),
    accounts: localAccounts(),
    programs: localPrograms,
    steps: options.steps ?? NO_STEPS,
    contact: options.contact ?? (() => new Promise(() => {})),
    openLog: openLogFile,
    ...(options.room && { reserve: outputReserve(options.room) }),
    folders: runFolders(spoolDir),
    spared: [process.pid],
  });
  return { executor, pool };
}

/** So much is written between two looks at the disk. */
const LOOK_BYTES = 1024 * 1024;

/**
 * Output may not fill the disk to its brim: the journal would take no report of the run any more, and the run's output would lie there
 * for ever, since only a report frees it.
 */
export function outputReserve(room: { freeBytes(): number; readonly reserveBytes: number }) {
  let left = 0;
  return (bytes: number): void => {
    left -= bytes;
    if (left >= 0) return;
    if (room.freeBytes() < room.reserveBytes + LOOK_BYTES) {
      left = 0;
      throw new Error(`less than ${room.reserveBytes} bytes are left on the disk for anything else`);
    }
    left = LOOK_BYTES;
  };
}
