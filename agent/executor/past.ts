import type { Ended } from './commands.ts';
import type { Cause, Resumption, StepTask, Task, TaskResult } from './run.ts';
import type { ProcessId } from './tree.ts';

/**
 * What a run writes between its output, for an agent that takes it up: every task that ended, that one began where that is
 * not told by its folder (a step, and a command whose guard is not to be asked again), and why the run is being ended.
 */
export type Note =
  | { readonly cause: Cause }
  | { readonly began: number; readonly uptimeMs: number }
  /** It ended, and counts once the controller is reached; by the machine's uptime. */
  | { readonly waits: number; readonly ended: Ended; readonly sinceMs: number; readonly boot?: string }
  /** It is being taken back, by its step `at`. */
  | { readonly undoing: number; readonly at: number; readonly boot?: string }
  | {
      readonly ended: TaskResult;
      readonly atMs: number;
      readonly uptimeMs?: number;
      /** The shim of the run's last command so far, and the start of its first: what a late cancel begins with. */
      readonly root?: ProcessId;
      readonly sinceTicks?: number;
    };

/** A task whose change may have to be taken back: how far it came. */
export interface Pending {
  readonly index: number;
  /** Undefined: it is not known to have ended. */
  readonly ended?: Ended;
  readonly sinceMs?: number;
  readonly at?: number;
  /** In which boot that was, where it was another than the run's own. */
  readonly boot?: string;
}

/** What became of a run's tasks before this agent. */
export interface Past {
  /** By index; the engine adds what it concludes from them. */
  readonly results: Map<number, TaskResult>;
  /** The task that began and did not end, as far as is known, with the machine's uptime then. */
  readonly began: { readonly index: number; readonly uptimeMs: number } | undefined;
  readonly pending: Pending | undefined;
  /** Of the last task that ended; 0 before the first. */
  readonly endedAtMs: number;
  /** How long changes were waited for to count, or taken back, as far as that is over. */
  readonly waitedMs: number;
  readonly root: ProcessId | undefined;
  /** Of all commands that ended. */
  readonly shims: readonly ProcessId[];
  readonly sinceTicks: number;
  /** Why it was being ended. */
  readonly cause: Cause | undefined;
}

export function encodeNote(note: Note): string {
  return JSON.stringify(note);
}

const NOT_WRITTEN: Ended = { state: 'interrupted', reason: 'how it ended could not be written down' };

/** Of a task that can be taken back, and that an agent before this one began; with `check` nothing changed. */
export function pendingOf(
  { pending, began }: Past,
  index: number,
  { undo }: Task,
  check: boolean,
): Pending | undefined {
  if (!undo || check) return undefined;
  if (pending?.index === index)
    // What is being taken back is not done once more, also where its end could not be written down.
    return pending.at === undefined ? pending : { ended: NOT_WRITTEN, ...pending };
  return began?.index === index ? { index } : undefined;
}

function waitOf(pending: Pending | undefined, uptimeMs: number): number {
  return pending?.sinceMs === undefined ? 0 : Math.max(0, uptimeMs - pending.sinceMs);
}

/** How much of a run's time so far is not its own, because a change was waited for to count. */
export function waitedMsOf({ waitedMs, pending }: Past, uptimeMs: number): number {
  return waitedMs + waitOf(pending, uptimeMs);
}

/** Reads what `encodeNote` made, from a file whose checksums hold. */
export function readPast(notes: readonly string[]): Past {
  const results = new Map<number, TaskResult>();
  let began: Past['began'];
  let pending: Past['pending'];
  let endedAtMs = 0;
  let waitedMs = 0;
  let cause: Cause | undefined;
  const shims: ProcessId[] = [];
  let sinceTicks = Number.POSITIVE_INFINITY;
  for (const text of notes) {
    const note = JSON.parse(text) as Note;
    if ('cause' in note) cause = note.cause;
    else if ('began' in note) began = { index: note.began, uptimeMs: note.uptimeMs };
    else if ('waits' in note) {
      const { waits: index, ...more } = note;
      pending = { index, ...more };
    } else if ('undoing' in note) {
      const { undoing: index, ...more } = note;
      pending = { ...pending, index, ...more };
    }
    // Of a version that goes on and comes back there may be others.
    else if ('ended' in note) {
      results.set(note.ended.index, note.ended);
      if (began?.index === note.ended.index) began = undefined;
      if (pending?.index === note.ended.index) {
        waitedMs += waitOf(pending, note.uptimeMs ?? 0);
        pending = undefined;
      }
      endedAtMs = note.atMs;
      if (note.root) shims.push(note.root);
      sinceTicks = note.sinceTicks ?? sinceTicks;
    }
  }
  return { results, began, pending, endedAtMs, waitedMs, root: shims.at(-1), shims, sinceTicks, cause };
}

/**
 * The results of tasks that are known to have succeeded since the reboot task behind them was begun, and of that itself, whose
 * proof is that the machine's boot id is another one.
 */
export function resultsBeforeReboot(
  known: ReadonlyMap<number, TaskResult>,
  resumeAt: number,
  outputAt: number,
  bootIds: Resumption['bootIds'],
): TaskResult[] {
  const missing: TaskResult[] = [];
  const proof = `boot id ${bootIds.before} → ${bootIds.now}`;
  for (let index = 0; index < resumeAt; index++) {
    if (known.has(index)) continue;
    const at = { outputFrom: outputAt, outputTo: outputAt, durationMs: 0 };
    const proved = index === resumeAt - 1 && ({ change: 'changed', reason: proof } as const);
    missing.push({ index, state: 'succeeded', ...at, ...proved });
  }
  return missing;
}

/**
 * Whether a step that an agent died over may be carried out again: its end is the same, however far it came. A reboot that
 * was to be waited for is none of them; before that was written down, nothing had brought the machine down.
 */
export function isRepeatable(task: StepTask): boolean {
  switch (task.kind) {
    case 'file':
    case 'tree':
    case 'reboot':
      return true;
    case 'service':
      return task.state !== 'restarted' && task.state !== 'reloaded';
    case 'collect':
      return false;
    // Both end this process when they go well, and what they left says how far they came.
    case 'upgrade':
    case 'uninstall':
      return true;
    // What it is to come to is said to the version.
    case 'packages':
      return true;
    case 'probe':
      return true;
  }
}

/** Why what was begun cannot be taken up. */
export function interruption(task: StepTask): string {
  return `the agent ended during this ${task.kind} task; its effect is unknown`;
}
