import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cgroups } from './cgroup.ts';
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
  readonly sink: { onData(stream: Stream, data: Uint8Array): boolean; onBroken(stream: Stream): void };
  /** Closes all that is open, whereupon a shim that still waits for its order leaves. */
  close(): void;
  /**
   * Ends a shim that was not given its order, and removes the folder once it is gone: it might else make a file in
   * the folder meanwhile.
   */
  discard(): Promise<void>;
  /** Settles when the shim is gone. */
  readonly gone: Promise<void>;
}

export interface SpareOptions {
  readonly shell: string;
  /** Whether its file system keeps times of access. */
  readonly keepsTimes: boolean;
  readonly cgroups: Cgroups | undefined;
}

/** Makes a spare in a folder that is not there yet. Throws what the machine throws, and leaves nothing then. */
export async function makeSpare(folder: string, options: SpareOptions): Promise<Spare> {
  const { shell, keepsTimes, cgroups } = options;
  const closers: (() => void)[] = [];
  let shimProcess: ChildProcess | undefined;
  let gone = Promise.resolve();
  const close = () => {
    for (const closeOne of closers.splice(0)) closeOne();
  };
  const discard = () => {
    close();
    // It has nothing started yet.
    shimProcess?.kill('SIGKILL');
    return gone.then(() => remove(folder));
  };
  try {
    mkdirSync(folder);
    chmodSync(folder, 0o711);
    // Both at once: the shell comes up while the FIFOs are made, and gets its text only after that.
    const { shim, root: identified, gone: shimGone } = startShim(shell, folder);
    shimProcess = shim;
    gone = shimGone;
    closers.push(() => shim.stdin?.destroy());
    closers.push(() => shim.stdout?.destroy());
    const making = makeFifos(folder);
    // Neither is to go on in a folder that the other's failure lets be removed.
    await Promise.allSettled([identified, making]);
    const [root] = await Promise.all([identified, making]);
    enclose(root, cgroups);
    gone = gone.then(() => cgroups?.remove(root));
    const sink: Spare['sink'] = { onData: () => true, onBroken: () => {} };
    const open = (stream: Stream, file: string) => {
      const fifo = openFifo(join(folder, file), {
        onData: (data) => sink.onData(stream, data),
        onError: () => sink.onBroken(stream),
        keepsTimes,
        isNew: true,
      });
      closers.push(() => fifo.close());
      return fifo;
    };
    const pipes = { stdout: open('stdout', 'out'), stderr: open('stderr', 'err') };
    const exitFd = openSync(join(folder, 'exit'), 'wx+', 0o600);
    closers.push(() => closeSync(exitFd));
    shim.stdin?.write(SHIM);
    return { folder, shim, root, pipes, exitFd, sink, close, discard, gone };
  } catch (error) {
    await discard();
    throw error;
  }
}

/** A run without a cgroup is ended by its process tree. */
function enclose(root: ProcessId, cgroups: Cgroups | undefined): void {
  try {
    cgroups?.enclose(root);
  } catch {}
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

function startShim(
  shell: string,
  folder: string,
): { shim: ChildProcess; root: Promise<ProcessId>; gone: Promise<void> } {
  const shim: ChildProcess = spawn(shell, SHIM_ARGV, {
    cwd: folder,
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { PATH: DEFAULT_PATH, LANG: 'C.UTF-8' },
  });
  const gone = new Promise<void>((resolve) => {
    shim.once('exit', () => resolve());
    shim.once('error', () => resolve());
  });
  // A shim that is gone is noticed by its end; what could not be written to it is no news.
  shim.stdin?.on('error', () => {});
  // It says nothing; that it closes it is the news, which only comes to those who read.
  shim.stdout?.on('error', () => {}).resume();
  const root = started(shim).then(() => {
    const id = shim.pid === undefined ? undefined : identify(shim.pid);
    if (!id) throw new Error(`${shell} ended at once`);
    // For an agent that finds the run after a restart.
    writeFileSync(join(folder, 'pid'), `${id.pid} ${id.startTicks}\n`, { mode: 0o600 });
    return id;
  });
  return { shim, root, gone };
}
