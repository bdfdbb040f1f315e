/**
 * Confirm or revert: a change that may cut the machine off counts once the controller has answered what was asked of it after the change;
 * where it does not in time, the change is taken back by what its task says, whatever else becomes of the run.
 */
import { delay } from '../../proto/clock.ts';
import { LIMITS } from '../../proto/limits.ts';
import type { AttemptOptions } from './attempt.ts';
import { type Commands, createCommands, type Ended, messageOf } from './commands.ts';
import { jobMark } from './environment.ts';
import type { Stream } from './output.ts';
import type { Note, Pending } from './past.ts';
import { isCommand, type Undo } from './run.ts';
import type { Steps } from './step.ts';
import { createStepping, type Stepping } from './stepping.ts';
import { type Supervision, supervise } from './supervision.ts';

/** Resolves once the controller has answered what was asked of it after this call; never, once the signal aborts. */
export type Contact = (signal: AbortSignal) => Promise<void>;

export interface ConfirmingOptions extends AttemptOptions {
  readonly steps: Steps;
  readonly contact: Contact;
  /** Of the run: its time does not go on meanwhile. */
  readonly supervision: Pick<Supervision, 'suspend' | 'cause' | 'sweep' | 'settled'>;
  /** Of a run that an agent before this one started in this boot; see `createCommands`. */
  readonly taken: { readonly closed: boolean } | undefined;
  /** The boot that this is, where it is not the one that the run began or went on in. */
  readonly boot: string | undefined;
  write(stream: Stream, data: Uint8Array): boolean;
  folderOf(index: number, part: string): string;
  /** Of all folders of a task. */
  clear(index: number): Promise<void>;
  /** Makes it durable. Throws what the disk throws. */
  note(what: Note): void;
}

export interface Confirming {
  /**
   * The end of task `index` as it is once the change counts, or was taken back. `pending`: how far an agent before this one came. Never
   * rejects, and does not settle once it is let go.
   */
  take(index: number, undo: Undo, ended: Ended, pending: Pending | undefined): Promise<Ended>;
  release(): void;
  letGo(): void;
}

export function createConfirming(options: ConfirmingOptions): Confirming {
  const { clock, checked } = options;
  const { spec } = checked;
  const over = new AbortController();
  let parts: Parts | undefined;

  /** What is not noted is waited for all the same: the task's begin is, and leads an agent after this one here too. */
  function noteIfPossible(what: Note): void {
    try {
      options.note(what);
    } catch (error) {
      say(`it could not be written down: ${messageOf(error)}`);
    }
  }

  function say(text: string): void {
    options.write('stderr', Buffer.from(`muster: ${text}\n`));
  }

  const boot = options.boot === undefined ? {} : { boot: options.boot };
  /** The machine was started anew since: nothing of what was begun then is there any more. */
  const isCutOff = (pending: Pending | undefined): boolean =>
    options.boot !== undefined && pending !== undefined && pending.boot !== options.boot;

  function leftMs({ withinMs }: Undo, pending: Pending | undefined): number {
    if (pending?.sinceMs === undefined || isCutOff(pending)) return withinMs;
    const waitedMs = clock.uptimeMs() - pending.sinceMs;
    return Math.max(withinMs - waitedMs, Math.min(withinMs, LIMITS.undoFairMs));
  }

  async function isReached(waitMs: number): Promise<boolean> {
    const done = new AbortController();
    const signal = AbortSignal.any([done.signal, over.signal]);
    const reached = await Promise.race([
      options.contact(signal).then(() => true),
      delay(clock, waitMs, signal).then(
        () => false,
        () => false,
      ),
    ]);
    done.abort();
    if (over.signal.aborted) return new Promise<never>(() => {});
    return reached;
  }

  /** With a supervision of its own: neither the run's time nor a cancel ends what takes a change back. */
  function partsOf(pending: Pending | undefined): Parts {
    const supervision = supervise({
      ...options,
      ...{ spec, mark: jobMark(spec.jobId), leftMs: spec.timeoutMs },
      ...{ root: undefined, shims: [], sinceTicks: Number.POSITIVE_INFINITY },
      ...{ isKnown: true, inherited: undefined, onCause() {} },
    });
    const taken = isCutOff(pending) ? undefined : options.taken;
    return { supervision, commands: createCommands({ ...options, supervision, taken }), stepping: undefined };
  }

  /** Why it could not be taken back, if so. */
  async function takeBack(
    index: number,
    undo: Undo,
    pending: Pending | undefined,
  ): Promise<string | undefined> {
    // What a cause that came meanwhile is to end goes first: later it would be told apart from what takes the change back by nothing.
    if (options.supervision.cause) options.supervision.sweep();
    await options.supervision.settled();
    const made = partsOf(pending);
    parts = made;
    const from = pending?.at ?? 0;
    // What another boot left is nothing to be taken up; and it has to be gone before it is written that this one began.
    if (isCutOff(pending)) await options.clear(index).catch(() => {});
    for (const [at, task] of undo.tasks.entries()) {
      if (at < from) continue;
      noteIfPossible({ undoing: index, at, ...boot });
      const ended = await takeStep(made, index, at, task);
      if (ended.state !== 'succeeded') {
        made.supervision.decide();
        return whyFailed(ended, at, undo.tasks.length);
      }
    }
    made.supervision.decide();
    return undefined;
  }

  async function takeStep(made: Parts, index: number, at: number, task: UndoTask): Promise<Ended> {
    const part = `undo${LETTERS[at]}`;
    const folder = options.folderOf(index, part);
    if (isCommand(task)) {
      const { ended, process } = await made.commands.carryOut(task, folder);
      process?.drain();
      await made.supervision.settled();
      return made.supervision.cause ? { ...ended, state: 'timed-out' } : ended;
    }
    made.stepping = createStepping({
      ...options,
      ...made,
      write: (stream, data) => void options.write(stream, data),
      folderOf: (_, inner) => options.folderOf(index, `${part}${inner}`),
      beforeReboot() {
        throw new Error('nothing that takes a change back brings the machine down');
      },
    });
    return made.stepping.take(index, (context) => options.steps.carryOut(task, context));
  }

  async function carryOut(index: number, undo: Undo, ended: Ended, pending: Pending | undefined) {
    if (pending?.at === undefined) {
      const waitMs = leftMs(undo, pending);
      if (pending?.sinceMs === undefined || isCutOff(pending))
        noteIfPossible({ waits: index, ended, sinceMs: clock.uptimeMs(), ...boot });
      if (await isReached(waitMs)) return ended;
      say(
        `the controller was not reached within ${undo.withinMs / 1000} s after this change; taking it back`,
      );
    }
    const problem = await takeBack(index, undo, pending);
    const reason = [
      ended.reason,
      `the controller was not reached within ${undo.withinMs / 1000} s after it`,
      problem === undefined ? 'it was taken back' : `taking it back failed: ${problem}`,
    ];
    if (problem !== undefined) say(`taking it back failed: ${problem}`);
    const { change: _, exitCode, ...rest } = ended;
    return {
      ...rest,
      ...(ended.state === 'succeeded' || exitCode === undefined ? {} : { exitCode }),
      state: ended.state === 'succeeded' ? ('failed' as const) : ended.state,
      code: problem === undefined ? ('undone' as const) : ('undo-failed' as const),
      reason: reason.filter((part) => part !== undefined).join('; '),
    };
  }

  return {
    async take(index, undo, ended, pending) {
      const goOn = options.supervision.suspend();
      const end = await carryOut(index, undo, ended, pending);
      goOn();
      return end;
    },
    release: () => parts?.commands.release(),
    letGo() {
      over.abort();
      parts?.stepping?.letGo();
      parts?.supervision.letGo();
      parts?.commands.letGo();
    },
  };
}

type UndoTask = Undo['tasks'][number];

interface Parts {
  readonly supervision: Supervision;
  readonly commands: Commands;
  stepping: Stepping | undefined;
}

const LETTERS = 'abcdefghijklmnop';

function whyFailed({ state, exitCode, signal, reason }: Ended, at: number, count: number): string {
  const what = reason ?? (exitCode === undefined ? (signal ?? state) : `exit status ${exitCode}`);
  return count === 1 ? what : `its step ${at + 1} of ${count}: ${what}`;
}
