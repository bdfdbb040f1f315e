import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, delay } from '../../proto/clock.ts';
import type { Cgroups } from './cgroup.ts';
import { type Fifo, openFifo, traceOf } from './fifo.ts';
import type { Stream } from './output.ts';
import { isAlive, signal } from './proc.ts';
import type { Found, FoundProcess } from './process.ts';
import { type Ending, hasEnded, hasStarted, parseEnding } from './shim.ts';
import type { ProcessId } from './tree.ts';

/** Between two looks at a shim that is nobody's child here. */
const LOOK_MS = { first: 5, last: 250 } as const;
/** How long a shim whose agent is gone may take to start what it was told to, or to leave. */
const START_MS = 5_000;
const FILES: Readonly<Record<Stream, string>> = { stdout: 'out', stderr: 'err' };
const STREAMS = ['stdout', 'stderr'] as const;

export interface FoundOptions {
  readonly clock: Clock;
  readonly keepsTimes: boolean;
  readonly cgroups: Cgroups | undefined;
}

/**
 * Takes up what an agent before this one started in a run folder. Its shim is no child of this process, so its end is looked
 * for: the word in the file `exit`, or that it is gone without one. Throws what the machine throws.
 */
export async function findProcess(
  at: Found,
  { clock, keepsTimes, cgroups }: FoundOptions,
): Promise<FoundProcess | undefined> {
  const { folder } = at;
  if (!existsSync(folder)) return undefined;
  const root = readRoot(folder);
  if (!(await mayHaveStarted(folder, root, clock))) {
    rmSync(folder, { recursive: true, force: true });
    return undefined;
  }
  // An agent may have died while it held it.
  cgroups?.freeze(root, false);
  const traces = STREAMS.map((stream) => ({ stream, ...traceOr(folder, stream) }));
  const pipes: Fifo[] = [];
  for (const stream of STREAMS) {
    try {
      const options = {
        onData: (data: Uint8Array) => at.onData(stream, data),
        onError: () => at.onBroken(stream),
        keepsTimes,
        isNew: false,
      };
      pipes.push(openFifo(join(folder, FILES[stream]), options));
    } catch (error) {
      for (const pipe of pipes) pipe.close();
      throw error;
    }
  }
  // Whoever holds them now, what is in the pipes stays there: only after they were opened is it known what is not.
  const held = isAlive(root);
  const mayLack = traces
    .filter((one) => (one.mayLack && !at.closed) || (one.wasUsed && !held))
    .map((one) => one.stream);
  const watching = watch(folder, root, clock);
  const close = (): void => {
    watching.stop();
    for (const pipe of pipes) pipe.close();
  };
  return {
    root,
    end: watching.end,
    ended: watching.ended,
    mayLack,
    wasUsed: traces.some((one) => one.wasUsed),
    endedAtMs: endedAt(folder),
    pause: () => pipes.forEach((pipe) => void pipe.pause()),
    resume: () => pipes.forEach((pipe) => void pipe.resume()),
    drain: () => pipes.map((pipe) => pipe.drain()).includes(true),
    release() {
      close();
      signal(root, 'SIGKILL');
      cgroups?.remove(root);
    },
    detach: close,
  };
}

/** Whether what was started in this folder has ended; its shim, which may hold the pipes for an agent, goes then too. */
export function endHolder(folder: string): boolean {
  try {
    const root = readRoot(folder);
    if (isAlive(root) && !hasEnded(readExit(folder))) return false;
    signal(root, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}

/** No process has this number; what a folder does not name cannot be alive. */
const NOBODY: ProcessId = { pid: Number.MAX_SAFE_INTEGER, startTicks: 0 };

function readRoot(folder: string): ProcessId {
  try {
    const [, pid, startTicks] = /^(\d+) (\d+)\n/.exec(readFileSync(join(folder, 'pid'), 'utf8')) ?? [];
    return pid && startTicks ? { pid: Number(pid), startTicks: Number(startTicks) } : NOBODY;
  } catch {
    return NOBODY;
  }
}

function readExit(folder: string): string {
  return readFileSync(join(folder, 'exit'), 'utf8');
}

/** A shim that lost its agent starts what it was told to, or leaves without. Until it did one of them, nobody knows. */
async function mayHaveStarted(folder: string, root: ProcessId, clock: Clock): Promise<boolean> {
  const beganMs = clock.monotonicMs();
  for (;;) {
    const alive = isAlive(root);
    if (hasStarted(readExit(folder))) return true;
    if (!alive) return false;
    if (clock.monotonicMs() - beganMs > START_MS) return true;
    await delay(clock, LOOK_MS.first);
  }
}

function traceOr(folder: string, stream: Stream): ReturnType<typeof traceOf> {
  try {
    return traceOf(join(folder, FILES[stream]));
  } catch {
    return { mayLack: true, wasUsed: true };
  }
}

function endedAt(folder: string): number {
  return hasEnded(readExit(folder)) ? statSync(join(folder, 'exit')).mtimeMs : 0;
}

function watch(
  folder: string,
  root: ProcessId,
  clock: Clock,
): { ended: Promise<Ending>; end: AbortSignal; stop(): void } {
  const end = new AbortController();
  let cancel = (): void => {};
  let pauseMs: number = LOOK_MS.first;

  /** Undefined while it lives, or while the machine cannot say. */
  function lookOnce(): Ending | undefined {
    try {
      // In this order: what a shim that is gone has written is final.
      const alive = isAlive(root);
      const text = readExit(folder);
      return alive && !hasEnded(text) ? undefined : parseEnding(text, undefined);
    } catch {
      return undefined;
    }
  }

  const ended = new Promise<Ending>((resolve) => {
    function look(): void {
      const ending = lookOnce();
      if (ending) {
        end.abort();
        return resolve(ending);
      }
      cancel = clock.after(pauseMs, look);
      pauseMs = Math.min(pauseMs * 1.5, LOOK_MS.last);
    }
    look();
  });
  return { ended, end: end.signal, stop: () => cancel() };
}
