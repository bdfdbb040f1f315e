import { MusterError } from '../../proto/errors.ts';
import type { Accounts } from './account.ts';
import { checkSpec } from './check.ts';
import { type EngineOptions, startRun } from './engine.ts';
import type { RunFolders } from './folders.ts';
import type { Beginning, CheckedRun, Resumption, Run, RunSpec } from './run.ts';

export interface ExecutorOptions extends EngineOptions {
  readonly accounts: Accounts;
  readonly folders: RunFolders;
}

export interface Executor {
  /**
   * What can be known before the start.
   * Throws MusterError: bad-task, no-such-user, cannot-switch-user, no-such-directory.
   */
  check(spec: RunSpec): Promise<CheckedRun>;
  /**
   * Starts at once; with `resumed` it takes up what an agent before this one started. Throws MusterError agent-stopping after
   * `stop`, and what the disk throws at the run's log; all else that goes wrong is in the result.
   */
  start(checked: CheckedRun, beginning: Beginning, resumed?: Resumption): Run;
  /** Whether an agent before this one came as far as to start something of this run. */
  hasBegun(run: { readonly jobId: string; readonly attempt: number }): boolean;
  /** Clears away what is left of runs that nobody needs and that have ended. */
  sweep(isNeeded: (run: { readonly jobId: string; readonly attempt: number }) => boolean): void;
  /** Lets go of all runs, which live on; their `done` does not settle any more. */
  stop(): void;
}

export function createExecutor(options: ExecutorOptions): Executor {
  const letGo = new Set<() => void>();
  let stopped = false;
  return {
    check: (spec) => checkSpec(spec, options),
    start(checked, beginning, resumed) {
      if (stopped) throw new MusterError('agent-stopping');
      const started = startRun(options, checked, beginning, resumed);
      letGo.add(started.letGo);
      void started.disposed.then(() => letGo.delete(started.letGo));
      return started.run;
    },
    hasBegun: options.folders.hasBegun,
    sweep: options.folders.sweep,
    stop() {
      stopped = true;
      for (const release of letGo) release();
      letGo.clear();
    },
  };
}
