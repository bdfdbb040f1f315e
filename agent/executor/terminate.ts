import { type Clock, delay } from '../../proto/clock.ts';
import type { ProcessTable } from './proc.ts';
import { createTree, look, type ProcessEntry, type ProcessId } from './tree.ts';

/** How long after KILL a process may be found before it counts as left behind. */
const KILL_WAIT_MS = 5_000;
/** Between two looks; the first are closer, since most programs end at once. */
const LOOK_MS = { first: 10, last: 250 } as const;
/** How often fresh processes are stopped before what is there is killed. */
const STOP_ROUNDS = 20;

export interface Termination {
  readonly clock: Clock;
  readonly table: ProcessTable;
  /** The shim of the task that runs, or that was the last to run. */
  readonly root: ProcessId;
  /** All shims of the run, as far as they are known. */
  readonly shims: readonly ProcessId[];
  /** The start of the run's first shim. */
  readonly sinceTicks: number;
  /** Aborts when the root's end is seen. Until then it may still be about to start its command. */
  readonly rootEnd: AbortSignal;
  /** NAME=VALUE in the environment of everything that belongs to the job. */
  readonly mark: string;
  readonly spared: readonly number[];
  readonly graceMs: number;
  /** Whether nobody waits for it any more. */
  abandoned(): boolean;
}

/**
 * Ends a process tree: TERM to everybody, and CONT, lest a stopped process sleep through it; after `graceMs` KILL.
 * Looks again until nobody is there. Returns the pids of which it is not
 * known, 5 s after the grace, that they are gone.
 */
export async function endTree(termination: Termination): Promise<number[]> {
  const { clock, table, root, sinceTicks, rootEnd, graceMs } = termination;
  const beganMs = clock.monotonicMs();
  const asked = new Set<string>();
  let tree = createTree(root, sinceTicks, termination.spared);
  let pauseMs: number = LOOK_MS.first;

  function lookAgain(onMarked?: (entry: ProcessEntry) => void): ProcessEntry[] {
    const { mark, shims } = termination;
    const seen = look(tree, table.snapshot({ mark, sinceTicks, shims }, onMarked));
    tree = seen.tree;
    return seen.members;
  }

  function stopAtOnce(entry: ProcessEntry): void {
    if (!termination.spared.includes(entry.pid) && entry.pid !== root.pid) table.signal(entry, 'SIGSTOP');
  }

  /** Whether everybody is gone. A machine that cannot say (no descriptors left) is asked again. */
  function act(kill: boolean): boolean {
    let letGo = (): void => {};
    try {
      if (kill) letGo = table.hold(termination.shims, termination.spared);
      const members = lookAgain(kill ? stopAtOnce : undefined);
      // A process that starts the next one and ends may pass unseen, but hardly twice.
      if (members.length === 0 && rootEnd.aborted && lookAgain().length === 0) return true;
      if (kill) killAll(table, members, () => lookAgain(stopAtOnce));
      else askToEnd(table, members, asked);
      // A shim that was stopped with its group has to go on, to see the end of its command and to report it.
      if (!rootEnd.aborted) table.signal(root, 'SIGCONT');
    } catch {
    } finally {
      letGo();
    }
    return false;
  }

  for (let killing = false; ; ) {
    const leftMs = beganMs + graceMs - clock.monotonicMs();
    if (leftMs <= 0 && !killing) {
      killing = true;
      pauseMs = LOOK_MS.first;
    }
    if (act(killing) || termination.abandoned()) return [];
    if (leftMs + KILL_WAIT_MS <= 0) break;
    await pause(clock, Math.min(pauseMs, killing ? leftMs + KILL_WAIT_MS : leftMs), rootEnd);
    pauseMs = Math.min(pauseMs * 2, LOOK_MS.last);
  }
  try {
    const left = lookAgain().map((member) => member.pid);
    if (rootEnd.aborted) return left;
    table.signal(root, 'SIGKILL');
    return [root.pid, ...left];
  } catch {
    return [root.pid];
  }
}

function keyOf(id: ProcessId): string {
  return `${id.pid}/${id.startTicks}`;
}

function askToEnd(table: ProcessTable, members: readonly ProcessEntry[], asked: Set<string>): void {
  for (const member of members) {
    if (!asked.has(keyOf(member))) table.signal(member, 'SIGTERM');
    asked.add(keyOf(member));
    if (member.state === 'T') table.signal(member, 'SIGCONT');
  }
}

/**
 * Stops everybody before it kills anybody, and looks until there is nobody new: programs that fork all the time, or
 * that start each other anew, could else outrun the looking. Where there are cgroups they are frozen, and one look is enough.
 */
function killAll(
  table: ProcessTable,
  members: readonly ProcessEntry[],
  lookAgain: () => ProcessEntry[],
): void {
  const stopped = new Map<string, ProcessId>();
  let fresh = members;
  for (let round = 0; round < STOP_ROUNDS && fresh.length > 0; round++) {
    for (const member of fresh) {
      table.signal(member, 'SIGSTOP');
      stopped.set(keyOf(member), member);
    }
    fresh = lookAgain().filter((member) => !stopped.has(keyOf(member)));
  }
  for (const member of stopped.values()) table.signal(member, 'SIGKILL');
}

/** Waits, but no longer than to the root's end; once that is past, it is only time. */
async function pause(clock: Clock, ms: number, rootEnd: AbortSignal): Promise<void> {
  if (rootEnd.aborted) await delay(clock, ms);
  else await delay(clock, ms, rootEnd).catch(() => {});
}
