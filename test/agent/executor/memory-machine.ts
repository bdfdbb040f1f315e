import type { Contact } from '../../../agent/executor/confirming.ts';
import { type EngineOptions, startRun } from '../../../agent/executor/engine.ts';
import type { LogFile } from '../../../agent/executor/output.ts';
import type { Launch, Process, Processes } from '../../../agent/executor/process.ts';
import type { CheckedRun, Resumption, RunSpec, Task } from '../../../agent/executor/run.ts';
import type { Ending } from '../../../agent/executor/shim.ts';
import { NO_STEPS, type Steps } from '../../../agent/executor/step.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { virtualClock } from '../../support/virtual-clock.ts';
import { beginning, bytes, specOf } from './machine.ts';

const SAME_BOOT: Resumption = {
  ...{ restarted: false, resumeAt: 0, goOn() {} },
  bootIds: { before: 'a', now: 'a' },
};

/** Processes in memory, whose end is told by the test; KILL ends them, if it may. */
export function machineOf(
  options: {
    immortal?: boolean;
    stray?: boolean;
    launch?: () => void;
    lastWords?: string;
    contact?: Contact;
    steps?: Steps;
    /** Of an agent before. */
    log?: LogFile;
    find?: Processes['find'];
  } = {},
) {
  const clock = virtualClock();
  const launches: Launch[] = [];
  const calls: string[] = [];
  let end: (ending: Ending) => void = () => {};
  let alive = false;
  let stray = options.stray ?? false;

  const processes: Processes = {
    async launch(launch, signal) {
      options.launch?.();
      await Promise.resolve();
      signal.throwIfAborted();
      launches.push(launch);
      alive = true;
      const over = new AbortController();
      const ended = new Promise<Ending>((resolve) => {
        end = (ending) => {
          alive = false;
          over.abort();
          resolve(ending);
        };
      });
      const process: Process = {
        root: { pid: 100 + launches.length, startTicks: launches.length },
        end: over.signal,
        ended,
        pause: () => calls.push('pause'),
        resume: () => calls.push('resume'),
        drain() {
          if (options.lastWords) launch.onData('stdout', bytes(options.lastWords));
          return false;
        },
        release() {},
        detach: () => calls.push('detach'),
      };
      return process;
    },
    find: options.find ?? (async () => undefined),
    clear: async (base) => void calls.push(`clear ${base}`),
  };
  const engine: EngineOptions = {
    clock,
    spoolDir: '/spool',
    processes,
    programs: { find: (name) => ({ path: name }), isDirectory: () => true, isOpenToAll: () => true },
    spared: [],
    steps: options.steps ?? NO_STEPS,
    contact: options.contact ?? (() => new Promise(() => {})),
    openLog: () => options.log ?? memoryLog({ close: () => calls.push('close') }),
    table: {
      hold: () => () => {},
      snapshot: () =>
        (alive && options.immortal) || stray
          ? [{ pid: 7, startTicks: 5, ppid: 101, session: 7, state: 'D', marked: true }]
          : [],
      signal(id, signal) {
        calls.push(`${signal} ${id.pid}`);
        if (signal === 'SIGKILL') stray = false;
        return true;
      },
    },
  };
  const account = { name: 'a', uid: 1, gid: 1, home: '/', shell: '/bin/sh' };
  return {
    clock,
    calls,
    launches,
    end: (ending: Ending) => end(ending),
    async start(tasks: Task[], more: Partial<RunSpec> = {}, resumed?: Partial<Resumption>, elapsedMs = 0) {
      const checked: CheckedRun = { spec: specOf(tasks, more), account, otherUser: false, cwd: '/' };
      const taken = resumed && { ...SAME_BOOT, ...resumed };
      const started = startRun(
        engine,
        checked,
        { ...beginning(), startedAtMs: clock.now(), elapsedMs },
        taken,
      );
      await clock.settle();
      return started;
    },
  };
}

export const EXIT = (exitCode: number): Ending => ({ kind: 'exited', exitCode });
