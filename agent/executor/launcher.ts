import { chmodSync, chownSync, fstatSync, readSync, renameSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../proto/clock.ts';
import { SCRIPT_FILE, VARIABLES_FILE } from './command.ts';
import { foldersOf } from './folders.ts';
import { endHolder, findProcess } from './found.ts';
import type { Pool } from './pool.ts';
import type { Launch, Process, Processes } from './process.ts';
import { type Ending, hasEnded, orderLine, parseEnding } from './shim.ts';
import type { Spare } from './spare.ts';

/** Starts commands from the pool's spares. */
export function createLauncher(pool: Pool, clock: Clock): Processes {
  return {
    async launch(launch, signal) {
      const spare = await pool.take();
      try {
        signal.throwIfAborted();
        // Fails where the folder is there already and holds something.
        renameSync(spare.folder, launch.folder);
      } catch (error) {
        void spare.discard();
        throw error;
      }
      try {
        writeFiles(launch);
        // What it starts inherits it.
        if (launch.nice > 0) setPriority(spare.root.pid, launch.nice);
      } catch (error) {
        spare.close();
        throw error;
      }
      return start(spare, launch);
    },
    find: (at) => findProcess(at, { clock, keepsTimes: pool.keepsTimes, cgroups: pool.cgroups }),
    async clear(base) {
      const folders = foldersOf(base);
      // An agent before this one may have started what this one never took up.
      for (const folder of folders) endHolder(folder);
      await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
    },
  };
}

function writeFiles({ folder, command, owner }: Launch): void {
  const own = (file: string) => {
    if (owner) chownSync(join(folder, file), owner.uid, owner.gid);
  };
  const write = (file: string, content: Uint8Array, mode: number) => {
    writeFileSync(join(folder, file), content, { mode: 0o600 });
    chmodSync(join(folder, file), mode);
    own(file);
  };
  if (command.stdin.length > 0) write('in', command.stdin, 0o400);
  if (command.script) write(SCRIPT_FILE, command.script, 0o500);
  if (command.variables) write(VARIABLES_FILE, command.variables, 0o400);
  // For programs that open /dev/stdout: that is the pipe itself, with its owner and mode.
  own('out');
  own('err');
}

function start(spare: Spare, launch: Launch): Process {
  const { shim, pipes, root } = spare;
  const { command } = launch;
  const end = new AbortController();
  spare.sink.onData = launch.onData;
  spare.sink.onBroken = launch.onBroken;

  const ended = new Promise<Ending>((resolve) => {
    const finish = (signal: string | null) => {
      if (end.signal.aborted) return;
      end.abort();
      resolve(readEnding(spare.exitFd, signal ?? undefined));
    };
    // It closes its stdout when it has written the end down; it might also have been killed, which `exit` tells of.
    const closed = () => {
      if (saysEnd(spare.exitFd)) finish(null);
    };
    // It may have been killed while it waited.
    if (shim.exitCode !== null || shim.signalCode !== null) return finish(shim.signalCode);
    shim.once('exit', (_code, signal) => finish(signal));
    shim.stdout?.once('close', closed);
  });
  const input = command.stdin.length > 0 ? 'in' : '/dev/null';
  const opens = { env: command.variables !== undefined, script: command.scriptByDescriptor === true };
  shim.stdin?.write(orderLine({ cwd: command.cwd, input, opens, env: command.env, argv: command.argv }));

  return {
    root,
    end: end.signal,
    ended,
    pause() {
      pipes.stdout.pause();
      pipes.stderr.pause();
    },
    resume() {
      pipes.stdout.resume();
      pipes.stderr.resume();
    },
    drain() {
      const held = [pipes.stdout.drain(), pipes.stderr.drain()];
      return held.includes(true);
    },
    release() {
      spare.close();
      shim.kill('SIGKILL');
    },
    detach() {
      spare.close();
      shim.unref();
    },
  };
}

/** Enough for the two marks and a shell's word on the end; a longer file is not of a shim's making. */
const EXIT_BYTES = 4096;

function readExit(exitFd: number): string {
  const { size } = fstatSync(exitFd);
  const text = Buffer.alloc(Math.min(size, EXIT_BYTES));
  readSync(exitFd, text, 0, text.length, 0);
  return text.toString('utf8');
}

function saysEnd(exitFd: number): boolean {
  try {
    return hasEnded(readExit(exitFd));
  } catch {
    // It will not be readable later either.
    return true;
  }
}

function readEnding(exitFd: number, shimSignal: string | undefined): Ending {
  try {
    return parseEnding(readExit(exitFd), shimSignal);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { kind: 'unknown', reason: `the end of the command was not recorded: ${why}` };
  }
}
