import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../proto/clock.ts';
import { DEFAULT_PATH } from './environment.ts';
import { type Fifo, openFifo } from './fifo.ts';
import type { Stream } from './output.ts';
import { identify } from './proc.ts';
import { SHIM, SHIM_ARGV } from './shim.ts';
import type { ProcessId } from './tree.ts';

/**
 * Runs are started from spares: a folder with its two FIFOs, open for reading, and a shim that waits in it for its
 * order. A spare costs a few milliseconds, which so are spent before an order comes and not after.
 */
export interface Spare {
  readonly folder: string;
  readonly shim: ChildProcess;
  readonly root: ProcessId;
  readonly pipes: Readonly<Record<Stream, Fifo>>;
  /** The file `exit`, open for reading: the end of a command is not to depend on there being a descriptor left. */
  readonly exitFd: number;
  /** Who gets what the pipes bring. */
  readonly sink: { onData(stream: Stream, data: Uint8Array): void; onBroken(stream: Stream): void };
  /** Closes all that is open, whereupon a shim that still waits leaves. */
  close(): void;
  /** The same, and removes the folder. */
  discard(): void;
}

export interface Pool {
  /** Makes the spool folder, clears away the spares of an earlier agent, and begins to keep spares ready. */
  start(): Promise<void>;
  /** A spare that is ready, or else one that is made now. Throws what the machine throws. */
  take(): Promise<Spare>;
  stop(): Promise<void>;
}

export interface PoolOptions {
  readonly clock: Clock;
  readonly spoolDir: string;
  /** How many are kept ready. Each is a waiting shell: about 100 KiB of private memory for dash, 270 for bash. */
  readonly size?: number;
  /** How long after a start the next spare is made: it should not compete with the command that just started. */
  readonly refillMs?: number;
  readonly shell?: string;
}

const SPARE = 'spare-';

export function createPool(options: PoolOptions): Pool {
  const { clock, spoolDir, size = 3, refillMs = 25, shell = '/bin/sh' } = options;
  const ready: Spare[] = [];
  let running = false;
  let serial = 0;
  let filling: Promise<void> | undefined;
  let cancelRefill: (() => void) | undefined;

  function makeSpoolDir(): void {
    mkdirSync(spoolDir, { recursive: true });
    // Other users' commands have to reach their script, and nobody is to list the jobs.
    chmodSync(spoolDir, 0o711);
  }

  async function make(): Promise<Spare> {
    const folder = join(spoolDir, `${SPARE}${process.pid}-${serial++}`);
    const closers: (() => void)[] = [];
    const close = () => {
      for (const closeOne of closers.splice(0)) closeOne();
    };
    try {
      mkdirSync(folder);
      chmodSync(folder, 0o711);
      // Both at once: the shell comes up while the FIFOs are made, and gets its text only after that.
      const [{ shim, root }] = await Promise.all([startShim(shell, folder, closers), makeFifos(folder)]);
      const sink: Spare['sink'] = { onData: () => {}, onBroken: () => {} };
      const open = (stream: Stream, file: string) => {
        const onData = (data: Uint8Array) => sink.onData(stream, data);
        const fifo = openFifo(join(folder, file), onData, () => sink.onBroken(stream));
        closers.push(() => fifo.close());
        return fifo;
      };
      const pipes = { stdout: open('stdout', 'out'), stderr: open('stderr', 'err') };
      const exitFd = openSync(join(folder, 'exit'), 'wx+', 0o600);
      closers.push(() => closeSync(exitFd));
      shim.stdin?.write(SHIM);
      const spare: Spare = { folder, shim, root, pipes, exitFd, sink, close, discard };
      shim.once('exit', () => ready.includes(spare) && discard());
      function discard(): void {
        const at = ready.indexOf(spare);
        if (at >= 0) ready.splice(at, 1);
        close();
        remove(folder);
      }
      return spare;
    } catch (error) {
      close();
      remove(folder);
      throw error;
    }
  }

  async function fill(): Promise<void> {
    while (running && ready.length < size) {
      const spare = await make();
      if (running) ready.push(spare);
      else spare.discard();
    }
  }

  /** What fails here fails again, and is said, when a run needs a spare. */
  function refill(): void {
    cancelRefill = undefined;
    filling ??= fill()
      .catch(() => {})
      .finally(() => {
        filling = undefined;
      });
  }

  return {
    async start() {
      makeSpoolDir();
      for (const name of readdirSync(spoolDir))
        if (name.startsWith(SPARE)) rmSync(join(spoolDir, name), { recursive: true, force: true });
      running = true;
      refill();
      await filling;
    },
    async take() {
      if (running) cancelRefill ??= clock.after(refillMs, refill);
      for (let spare = ready.shift(); spare; spare = ready.shift()) {
        if (spare.shim.exitCode === null && spare.shim.signalCode === null) return spare;
        spare.discard();
      }
      makeSpoolDir();
      return make();
    },
    async stop() {
      running = false;
      cancelRefill?.();
      cancelRefill = undefined;
      await filling;
      await Promise.all(
        [...ready].map(async (spare) => {
          const ended = new Promise((resolve) => spare.shim.once('exit', resolve));
          spare.discard();
          await ended;
        }),
      );
    },
  };
}

/** What cannot be removed now is cleared away at the next start. */
function remove(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {}
}

/** Rejects if it could not be started. To be called at once: an error that nobody hears ends the agent. */
function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('spawn', resolve);
    child.on('error', reject);
  });
}

/** Node cannot make a FIFO itself. */
async function makeFifos(folder: string): Promise<void> {
  const child = spawn('mkfifo', ['-m', '600', 'out', 'err'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: DEFAULT_PATH, LC_ALL: 'C' },
  });
  const status = new Promise((resolve) => child.once('close', resolve));
  let said = '';
  // With no descriptors left there is no stderr either, whatever its type says.
  child.stderr?.on('data', (data) => {
    said += data;
  });
  await started(child);
  if ((await status) !== 0) throw new Error(said.trim() || 'mkfifo failed');
}

async function startShim(
  shell: string,
  folder: string,
  closers: (() => void)[],
): Promise<{ shim: ChildProcess; root: ProcessId }> {
  const shim: ChildProcess = spawn(shell, SHIM_ARGV, {
    cwd: folder,
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: DEFAULT_PATH, LANG: 'C.UTF-8' },
  });
  closers.push(() => shim.stdin?.destroy());
  // A shim that is gone is noticed by its end; what could not be written to it is no news.
  shim.stdin?.on('error', () => {});
  await started(shim);
  const root = shim.pid === undefined ? undefined : identify(shim.pid);
  if (!root) throw new Error(`${shell} ended at once`);
  // For an agent that finds the run after a restart.
  writeFileSync(join(folder, 'pid'), `${root.pid} ${root.startTicks}\n`, { mode: 0o600 });
  return { shim, root };
}
