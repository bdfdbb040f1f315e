import { EventEmitter } from 'node:events';
import type { Found, FoundProcess, Launch, Process, Processes } from '../../agent/executor/process.ts';
import type { Ending } from '../../agent/executor/shim.ts';
import type { Dice } from './dice.ts';
import { Dead, type Life } from './life.ts';
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
  /** Its shim has started it. */
  started: boolean;
  /** Something was written, and read; read and not known to have reached the log. */
  used: boolean;
  readonly unlogged: Set<Stream>;
  shim: Proc | undefined;
  ending: Ending | undefined;
  endedAtMs: number;
  readonly ends: EventEmitter;
  /** Processes that still hold the output open. */
  holders: number;
}

const PIPE_BYTES = 65_536;

/** What becomes of commands on one machine, whoever launches them. */
export interface Stage {
  processes(life: Life): Processes;
  /** Whether a folder is there whose path begins so. */
  has(base: string): boolean;
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
    folder.started = true;
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
          folder.endedAtMs = machine.times.wallMs();
          // The shim stays, and holds the pipes, until an agent has taken what is in them.
          folder.ends.emit('end');
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
      folder.used = true;
      folder.pipe.push({ stream: step.stream, data });
      folder.pipeBytes += data.length;
      folder.reader?.();
      later(0.05);
    }
    later(0.1);
  }

  const performances = new Map<Proc, Performance>();

  function take(folder: Folder, launch: Pick<Launch, 'onData'>): boolean {
    const piece = folder.pipe.shift();
    if (!piece) return false;
    folder.pipeBytes -= piece.data.length;
    folder.unlogged.add(piece.stream);
    if (launch.onData(piece.stream, piece.data)) folder.unlogged.delete(piece.stream);
    const { blocked } = folder;
    folder.blocked = undefined;
    blocked?.();
    return true;
  }

  function processOf(life: Life, folder: Folder, launch: Pick<Launch, 'onData'>, shim: Proc): Process {
    const end = new AbortController();
    let paused = false;
    let reading = false;
    const read = (): void => {
      if (reading || paused || !life.alive) return;
      reading = true;
      machine.after(dice.between(0.02, 0.5), () => {
        reading = false;
        if (paused || !life.alive || folder.reader !== read) return;
        try {
          if (take(folder, launch)) read();
        } catch (cause) {
          if (!(cause instanceof Dead)) throw cause;
        }
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
        if (folder.ending) finish();
        else folder.ends.once('end', finish);
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
      release() {
        life.pass('release of a shim');
        machine.end(shim);
      },
      detach() {
        if (folder.reader === read) folder.reader = undefined;
      },
    };
  }

  async function find(life: Life, at: Found): Promise<FoundProcess | undefined> {
    life.pass('a look for what an earlier agent started');
    const folder = folders.get(at.folder);
    const shim = folder?.shim;
    if (!folder || !shim) return undefined;
    while (!folder.started && !folder.ending)
      await life.living(new Promise<void>((resolve) => life.after(5, resolve)));
    if (!folder.started) {
      folders.delete(at.folder);
      return undefined;
    }
    const mayLack = at.closed ? [] : [...folder.unlogged];
    const process = processOf(life, folder, at, shim);
    process.resume();
    return { ...process, mayLack, wasUsed: folder.used, endedAtMs: folder.endedAtMs };
  }

  return {
    has: (base) => [...folders.keys()].some((path) => path.startsWith(base)),
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
          started: false,
          used: false,
          unlogged: new Set(),
          shim: undefined,
          ending: undefined,
          endedAtMs: 0,
          ends: new EventEmitter(),
          holders: 0,
        };
        folders.set(launch.folder, folder);
        const shim = machine.spawn({
          ppid: 1,
          // Its environment does not have the job's.
          mark: '',
          ignoresTerm: true,
          onEnd(how) {
            if (how === 'power') {
              folder.reader = undefined;
              folder.pipe.length = 0;
              folder.pipeBytes = 0;
            }
            if (folder.ending) return;
            const performance = performances.get(shim);
            if (performance && folder.ending === undefined) performance.unseen = true;
            folder.ending ??= {
              kind: 'unknown',
              reason: `the process that watches the command was killed by ${how}; its end was not seen`,
            };
            folder.ends.emit('end');
          },
        });
        folder.shim = shim;
        machine.after(dice.between(0.2, 2), () => perform(folder, launch, shim));
        const process = processOf(life, folder, launch, shim);
        life.pass('after a spawn');
        return process;
      },
      find: (at) => find(life, at),
      async clear(base) {
        life.pass('removal of folders');
        for (const path of folders.keys())
          if (path === base || path.startsWith(`${base}-`)) folders.delete(path);
      },
    }),
  };
}
