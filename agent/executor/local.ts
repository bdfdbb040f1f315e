import type { Clock } from '../../proto/clock.ts';
import { localAccounts } from './account.ts';
import type { Cgroups } from './cgroup.ts';
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
    openLog: openLogFile,
    folders: runFolders(spoolDir),
    spared: [process.pid],
  });
  return { executor, pool };
}
