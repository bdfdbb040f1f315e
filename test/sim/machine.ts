import type { ProcessTable } from '../../agent/executor/proc.ts';
import type { ProcessEntry, ProcessId } from '../../agent/executor/tree.ts';
import type { Dice } from './dice.ts';
import type { Times } from './life.ts';
import type { Scheduler } from './scheduler.ts';

/** A process of a simulated machine. */
export interface Proc extends ProcessId {
  ppid: number;
  session: number;
  state: 'S' | 'T';
  /** MUSTER_JOB=… of its environment. */
  readonly mark: string;
  readonly ignoresTerm: boolean;
  pendingTerm: boolean;
  /** Told once, when it is no more. */
  onEnd(signal: string | undefined): void;
}

/** A host: its clocks, its processes, what lies on its disk beside the databases. It outlives every agent that runs on it. */
export interface Machine {
  readonly name: string;
  readonly times: Times;
  bootId: string;
  /** Writes fail. */
  diskFull: boolean;
  /** Writes of databases alone do. */
  journalFails: boolean;
  /** Suspended: nothing on it moves. */
  readonly frozen: boolean;
  readonly on: boolean;
  readonly table: ProcessTable;
  spawn(proc: Pick<Proc, 'ppid' | 'mark' | 'ignoresTerm' | 'onEnd'> & { session?: number }): Proc;
  end(proc: Proc, signal?: string): void;
  alive(mark: string): readonly Proc[];
  /** Calls `fn` later, in this machine's own time: not while it is suspended, and never after it lost power. */
  after(delayMs: number, fn: () => void): () => void;
  suspend(forMs: number): void;
  stepWall(ms: number): void;
  /** What its wall clock was set by, and when. */
  readonly steps: readonly { readonly atMs: number; readonly byMs: number }[];
  powerOff(): void;
  powerOn(): void;
}

const START_WALL_MS = Date.UTC(2026, 0, 1);

export function createMachine(name: string, scheduler: Scheduler, dice: Dice): Machine {
  const procs = new Map<number, Proc>();
  const steps: { atMs: number; byMs: number }[] = [];
  const rate = 1 + dice.between(-0.0002, 0.0002);
  let wallOffsetMs = dice.chance(0.3) ? dice.between(-1, 1) * 365 * 86_400_000 : dice.between(-2000, 2000);
  let frozenUntilMs = 0;
  let suspendedMs = 0;
  let bootMs = 0;
  let boots = 0;
  let nextPid = 100;
  let on = true;

  const isFrozen = (): boolean => scheduler.nowMs < frozenUntilMs;
  /** What was slept through so far. */
  const asleepMs = (): number => suspendedMs - (isFrozen() ? frozenUntilMs - scheduler.nowMs : 0);

  const times: Times = {
    rate,
    wallMs: () => START_WALL_MS + wallOffsetMs + scheduler.nowMs * rate,
    monotonicMs: () => (scheduler.nowMs - asleepMs()) * rate,
    uptimeMs: () => (scheduler.nowMs - bootMs) * rate,
  };

  const same = (id: ProcessId): Proc | undefined => {
    const proc = procs.get(id.pid);
    return proc?.startTicks === id.startTicks ? proc : undefined;
  };

  function end(proc: Proc, signal?: string): void {
    if (same(proc) !== proc) return;
    procs.delete(proc.pid);
    for (const child of procs.values()) if (child.ppid === proc.pid) child.ppid = 1;
    proc.onEnd(signal);
  }

  function deliver(proc: Proc, signal: string): void {
    switch (signal) {
      case 'SIGKILL':
        return end(proc, signal);
      case 'SIGSTOP':
        proc.state = 'T';
        return;
      case 'SIGCONT':
        proc.state = 'S';
        if (proc.pendingTerm) deliver(proc, 'SIGTERM');
        return;
      default:
        if (proc.state === 'T') proc.pendingTerm = true;
        else if (!proc.ignoresTerm) end(proc, signal);
    }
  }

  const machine: Machine = {
    name,
    times,
    bootId: `${name}-boot-0`,
    diskFull: false,
    journalFails: false,
    get frozen() {
      return isFrozen();
    },
    get on() {
      return on;
    },
    table: {
      hold: () => () => {},
      snapshot({ mark, sinceTicks }, onMarked) {
        const entries: ProcessEntry[] = [];
        for (const { pid, startTicks, ppid, session, state, mark: own } of [...procs.values()]) {
          const entry = {
            pid,
            startTicks,
            ppid,
            session,
            state,
            marked: startTicks >= sinceTicks && own === mark,
          };
          if (entry.marked) onMarked?.(entry);
          entries.push(entry);
        }
        return entries;
      },
      signal(id, signal) {
        const proc = same(id);
        if (proc) deliver(proc, signal);
        return true;
      },
    },
    spawn({ ppid, mark, ignoresTerm, onEnd, session }) {
      const pid = nextPid++;
      const startTicks = Math.floor(times.uptimeMs() / 10);
      const proc: Proc = {
        pid,
        startTicks,
        ppid,
        session: session ?? pid,
        state: 'S',
        mark,
        ignoresTerm,
        pendingTerm: false,
        onEnd,
      };
      procs.set(pid, proc);
      return proc;
    },
    end,
    alive: (mark) => [...procs.values()].filter((proc) => proc.mark === mark),
    after(delayMs, fn) {
      const boot = boots;
      let cancelled = false;
      const dueMs = times.monotonicMs() + delayMs * rate;
      const look = (): void => {
        if (cancelled || boot !== boots || !on) return;
        const leftMs = (dueMs - times.monotonicMs()) / rate;
        if (isFrozen()) scheduler.after(frozenUntilMs - scheduler.nowMs + Math.max(0, leftMs), look);
        else if (leftMs > 0.0001) scheduler.after(leftMs, look);
        else fn();
      };
      scheduler.after(delayMs, look);
      return () => {
        cancelled = true;
      };
    },
    suspend(forMs) {
      if (isFrozen()) return;
      frozenUntilMs = scheduler.nowMs + forMs;
      suspendedMs += forMs;
    },
    steps,
    stepWall(ms) {
      wallOffsetMs += ms;
      steps.push({ atMs: scheduler.nowMs, byMs: ms });
    },
    powerOff() {
      on = false;
      for (const proc of procs.values()) proc.onEnd('power');
      procs.clear();
    },
    powerOn() {
      on = true;
      boots += 1;
      bootMs = scheduler.nowMs;
      suspendedMs = asleepMs();
      frozenUntilMs = 0;
      nextPid = 100;
      machine.bootId = `${name}-boot-${boots}`;
    },
  };
  return machine;
}
