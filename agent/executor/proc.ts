import { readdirSync, readFileSync } from 'node:fs';
import type { Cgroups } from './cgroup.ts';
import type { ProcessEntry, ProcessId } from './tree.ts';

/** By what a run's processes are known: they are `marked` then. */
export interface Sought {
  /** NAME=VALUE in the environment that a process began with. */
  readonly mark: string;
  /** Nothing older is marked. */
  readonly sinceTicks: number;
  /** Whoever is in the cgroups of these shims, where they have any. */
  readonly shims: readonly ProcessId[];
}

/** The machine's processes, as ending a run needs them. Both calls throw if the machine cannot say. */
export interface ProcessTable {
  /** All processes but kernel threads. Each marked one is told of as soon as it is seen, before the others are looked at. */
  snapshot(sought: Sought, onMarked?: (entry: ProcessEntry) => void): ProcessEntry[];
  /** Where the machine can, nobody in the cgroups of these shims runs on until the function that is returned is called. */
  hold(shims: readonly ProcessId[], spared: readonly number[]): () => void;
  /** Sends a signal to this very process, and to none that has its pid since. False: not allowed. */
  signal(id: ProcessId, signal: NodeJS.Signals): boolean;
}

/** Reads proc_pid_stat(5); undefined for what is not one. The name may hold spaces and brackets of its own. */
export function parseStat(text: string): Omit<ProcessEntry, 'marked'> | undefined {
  const nameEnd = text.lastIndexOf(')');
  const pid = Number.parseInt(text, 10);
  const fields = text.slice(nameEnd + 2).split(' ');
  const [state, ppid, , session] = fields;
  const startTicks = Number(fields[19]);
  if (nameEnd < 0 || !state || !ppid || !session || !Number.isInteger(pid) || !Number.isInteger(startTicks))
    return undefined;
  return { pid, startTicks, ppid: Number(ppid), session: Number(session), state };
}

/** Gone meanwhile, or somebody else's. Anything else (no descriptors left) must not pass for a process that is gone. */
const UNREADABLE = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM']);

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (UNREADABLE.has(String(codeOf(error)))) return undefined;
    throw error;
  }
}

function readStat(pid: number): Omit<ProcessEntry, 'marked'> | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text && parseStat(text.toString('latin1'));
}

export function identify(pid: number): ProcessId | undefined {
  const stat = readStat(pid);
  return stat && { pid, startTicks: stat.startTicks };
}

/** Whether this very process runs; one that nobody waited for does not. Throws if the machine cannot say. */
export function isAlive({ pid, startTicks }: ProcessId): boolean {
  const stat = readStat(pid);
  return stat !== undefined && stat.startTicks === startTicks && stat.state !== 'Z' && stat.state !== 'X';
}

function isMarked(pid: number, mark: Buffer): boolean {
  const environment = read(`/proc/${pid}/environ`);
  if (!environment) return false;
  for (let at = environment.indexOf(mark); at >= 0; at = environment.indexOf(mark, at + 1)) {
    if (at === 0 || environment[at - 1] === 0) return true;
  }
  return false;
}

const KERNEL_THREADS = 2;

export function localProcessTable(cgroups?: Cgroups): ProcessTable {
  return {
    snapshot: (sought, onMarked) => snapshot(sought, cgroups, onMarked),
    hold(shims, spared) {
      // An agent that is itself in one, as the child of a run, must not stop itself.
      const held = shims.filter((shim) => !cgroups?.pids(shim).some((pid) => spared.includes(pid)));
      for (const shim of held) cgroups?.freeze(shim, true);
      return () => {
        for (const shim of held) cgroups?.freeze(shim, false);
      };
    },
    signal,
  };
}

function snapshot(
  { mark, sinceTicks, shims }: Sought,
  cgroups: Cgroups | undefined,
  onMarked: ((entry: ProcessEntry) => void) | undefined,
): ProcessEntry[] {
  const wanted = Buffer.from(`${mark}\0`);
  const enclosed = new Set(shims.flatMap((shim) => cgroups?.pids(shim) ?? []));
  // The youngest first: a process that lives for milliseconds is gone by the time that all the others are read.
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  pids.sort((a, b) => Number(b) - Number(a));
  const entries: ProcessEntry[] = [];
  for (const pid of pids) {
    const stat = readStat(Number(pid));
    if (!stat || stat.ppid === KERNEL_THREADS || stat.pid === KERNEL_THREADS) continue;
    const marked = stat.startTicks >= sinceTicks && (enclosed.has(stat.pid) || isMarked(stat.pid, wanted));
    const entry = { ...stat, marked };
    if (marked) onMarked?.(entry);
    entries.push(entry);
  }
  return entries;
}

/** See `ProcessTable`. */
export function signal(id: ProcessId, signal: NodeJS.Signals): boolean {
  // Two calls cannot be one without pidfds, which Node lacks; between them there are microseconds.
  if (identify(id.pid)?.startTicks !== id.startTicks) return true;
  try {
    process.kill(id.pid, signal);
    return true;
  } catch (error) {
    return codeOf(error) === 'ESRCH';
  }
}
