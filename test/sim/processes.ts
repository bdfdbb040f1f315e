import { EventEmitter } from 'node:events';
import type { Launch, Process, Processes } from '../../agent/executor/process.ts';
import type { Ending } from '../../agent/executor/shim.ts';
import type { Dice } from './dice.ts';
import type { Life } from './life.ts';
import type { Machine, Proc } from './machine.ts';
import type { Oracle, Performance } from './oracle.ts';
import { outputBytes, type Program } from './program.ts';

type Stream = 'stdout' | 'stderr';

/** One task's folder on the disk of its machine: what its shim left there, and the pipes while it lives. */
interface Folder {
  readonly pipe: { stream: Stream; data: Uint8Array }[];
  pipeBytes: number;
  /** The one who reads now. */
  reader: (() => void) | undefined;
  /** A program that waits for room in the pipe. */
  blocked: (() => void) | undefined;
  ending: Ending | undefined;
  readonly ends: EventEmitter;
  /** Processes that still hold the output open. */
  holders: number;
}

const PIPE_BYTES = 65_536;

/** What becomes of commands on one machine, whoever launches them. */
export interface Stage {
  processes(life: Life): Processes;
  readonly folders: Map<string, Folder>;
  remove(folder: string): void;
}

export function createStage(
  machine: Machine,
  dice: Dice,
  oracle: Oracle,
  programOf: (token: string) => Program | undefined,
): Stage {
  const folders = new Map<string, Folder>();

  function perform(folder: Folder, launch: Launch, shim: Proc): void {
    const [, token = ''] = launch.command.argv;
    const program = programOf(token);
    const { MUSTER_JOB: jobId = '', MUSTER_ATTEMPT: attempt = '0' } = launch.command.env;
    const mark = `MUSTER_JOB=${jobId}`;
    // Its shim was killed before it came to it.
    if (folder.ending) return;
    if (!program) throw new Error(`a program that no operator asked for: ${launch.command.argv.join(' ')}`);
    const performance: Performance = {
      host: machine.name,
      token,
      jobId,
      attempt: Number(attempt),
      index: Number(launch.folder.split('-')[2]),
      bootId: machine.bootId,
      startedMs: machine.times.monotonicMs(),
      written: [],
      end: undefined,
      unseen: false,
    };
    let at = 0;
    let writtenBytes = 0;
    const main = machine.spawn({
      ppid: shim.pid,
      session: shim.session,
      mark,
      ignoresTerm: program.ignoresTerm,
      onEnd(signal) {
        folder.holders -= 1;
        folder.blocked = undefined;
        if (signal === 'power') return;
        performance.end = {
          ...(signal === undefined ? { exitCode: program.exitCode } : { signal }),
          atMs: machine.times.monotonicMs(),
        };
        machine.after(dice.between(0.1, 2), () => {
          if (folder.ending) return;
          folder.ending =
            signal === undefined
              ? { kind: 'exited', exitCode: program.exitCode }
              : { kind: 'signalled', signal };
          machine.end(shim);
        });
      },
    });
    folder.holders += 1;
    performances.set(shim, performance);
    oracle.begin(performance);
    const { child } = program;
    if (child) {
      const held = child.holdsStdout ? 1 : 0;
      folder.holders += held;
      const forked = machine.spawn({
        ppid: child.daemon ? 1 : main.pid,
        ...(child.daemon ? {} : { session: shim.session }),
        mark,
        ignoresTerm: child.ignoresTerm,
        onEnd() {
          folder.holders -= held;
        },
      });
      machine.after(child.lastsMs, () => machine.end(forked));
    }

    /** Goes on unless it is no more; a program that was stopped looks again. */
    const later = (ms: number): void => {
      machine.after(ms, () => {
        if (performance.end) return;
        if (main.state === 'T') later(50);
        else next();
      });
    };

    function next(): void {
      const step = program?.steps[at];
      if (!program || !step) {
        if (!program?.hangs) machine.end(main);
        return;
      }
      if (step.does === 'wait') {
        at += 1;
        return later(step.ms);
      }
      const data = outputBytes(token, writtenBytes, step.bytes);
      if (folder.pipeBytes > 0 && folder.pipeBytes + data.length > PIPE_BYTES) {
        folder.blocked = () => later(0.05);
        return;
      }
      at += 1;
      writtenBytes += data.length;
      performance.written.push(data);
      folder.pipe.push({ stream: step.stream, data });
      folder.pipeBytes += data.length;
      folder.reader?.();
      later(0.05);
    }
    later(0.1);
  }

  const performances = new Map<Proc, Performance>();

  function take(folder: Folder, launch: Launch): boolean {
    const piece = folder.pipe.shift();
    if (!piece) return false;
    folder.pipeBytes -= piece.data.length;
    launch.onData(piece.stream, piece.data);
    const { blocked } = folder;
    folder.blocked = undefined;
    blocked?.();
    return true;
  }

  function processOf(life: Life, folder: Folder, launch: Launch, shim: Proc): Process {
    const end = new AbortController();
    let paused = false;
    let reading = false;
    const read = (): void => {
      if (reading || paused || !life.alive) return;
      reading = true;
      machine.after(dice.between(0.02, 0.5), () => {
        reading = false;
        if (!paused && life.alive && folder.reader === read && take(folder, launch)) read();
      });
    };
    folder.reader = read;
    const ended = life.living(
      new Promise<Ending>((resolve) => {
        const finish = (): void => {
          machine.after(dice.between(0.05, 1), () => {
            if (!life.alive) return;
            end.abort();
            resolve(folder.ending ?? { kind: 'unknown', reason: 'its end was not recorded' });
          });
        };
        folder.ends.once('end', finish);
      }),
    );
    return {
      root: { pid: shim.pid, startTicks: shim.startTicks },
      end: end.signal,
      ended,
      pause() {
        paused = true;
      },
      resume() {
        paused = false;
        read();
      },
      drain() {
        while (life.alive && take(folder, launch));
        if (folder.reader === read) folder.reader = undefined;
        return folder.holders > 0;
      },
      detach() {
        if (folder.reader === read) folder.reader = undefined;
      },
    };
  }

  return {
    folders,
    remove: (folder) => void folders.delete(folder),
    processes: (life) => ({
      async launch(launch, signal) {
        await life.living(new Promise<void>((resolve) => life.after(dice.between(0.3, 3), resolve)));
        signal.throwIfAborted();
        life.pass('before a spawn');
        if (folders.has(launch.folder)) throw new Error(`EEXIST: ${launch.folder}`);
        if (machine.diskFull) throw new Error('ENOSPC: no space left on device');
        const folder: Folder = {
          pipe: [],
          pipeBytes: 0,
          reader: undefined,
          blocked: undefined,
          ending: undefined,
          ends: new EventEmitter(),
          holders: 0,
        };
        folders.set(launch.folder, folder);
        const shim = machine.spawn({
          ppid: 1,
          mark: `MUSTER_JOB=${launch.command.env.MUSTER_JOB}`,
          ignoresTerm: true,
          onEnd(how) {
            if (how === 'power') folder.reader = undefined;
            const performance = performances.get(shim);
            if (performance && folder.ending === undefined) performance.unseen = true;
            folder.ending ??= {
              kind: 'unknown',
              reason: `the process that watches the command was killed by ${how}; its end was not seen`,
            };
            folder.ends.emit('end');
          },
        });
        machine.after(dice.between(0.2, 2), () => perform(folder, launch, shim));
        const process = processOf(life, folder, launch, shim);
        life.pass('after a spawn');
        return process;
      },
      async remove(folder) {
        life.pass('removal of a folder');
        folders.delete(folder);
      },
    }),
  };
}
