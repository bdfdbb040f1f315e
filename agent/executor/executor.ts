import { MusterError } from '../../proto/errors.ts';
import type { Accounts } from './account.ts';
import { checkSpec } from './check.ts';
import { type EngineOptions, startRun } from './engine.ts';
import type { CheckedRun, Run, RunSpec } from './run.ts';

export interface ExecutorOptions extends EngineOptions {
  readonly accounts: Accounts;
}

export interface Executor {
  /**
   * What can be known before the start.
   * Throws MusterError: bad-task, no-such-user, cannot-switch-user, no-such-directory.
   */
  check(spec: RunSpec): Promise<CheckedRun>;
  /** Starts at once. Throws MusterError agent-stopping after `stop`; all else that goes wrong is in the result. */
  start(checked: CheckedRun): Run;
  /** Lets go of all runs, which live on; their `done` does not settle any more. */
  stop(): void;
}

export function createExecutor(options: ExecutorOptions): Executor {
  const letGo = new Set<() => void>();
  let stopped = false;
  return {
    check: (spec) => checkSpec(spec, options),
    start(checked) {
      if (stopped) throw new MusterError('agent-stopping');
      const started = startRun(options, checked);
      letGo.add(started.letGo);
      void started.run.done.then(() => letGo.delete(started.letGo));
      return started.run;
    },
    stop() {
      stopped = true;
      for (const release of letGo) release();
      letGo.clear();
    },
  };
}
