import type { Command } from './command.ts';
import type { Stream } from './output.ts';
import type { Ending } from './shim.ts';
import type { ProcessId } from './tree.ts';

/** One task's start: where its files go, and who owns those that the command opens itself. */
export interface Launch {
  /** The run folder, which must not exist: that an attempt is started once rests on this too. */
  readonly folder: string;
  readonly command: Command;
  /** Set where the command runs as another user. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** 0 to 19; 0 leaves it as the agent's is. */
  readonly nice: number;
  /** Bytes are good until it returns. False when they are not where an agent after this one finds them. */
  onData(stream: Stream, data: Uint8Array): boolean;
  /** The stream broke; bytes may be missing. */
  onBroken(stream: Stream): void;
}

/** A command that was started, and is watched by its shim. */
export interface Process {
  readonly root: ProcessId;
  /** Aborts at the end, before `ended` settles. */
  readonly end: AbortSignal;
  readonly ended: Promise<Ending>;
  pause(): void;
  resume(): void;
  /** After the end: takes what is left in the pipes. True if somebody else still holds them open for writing. */
  drain(): boolean;
  /** All that it wrote and how it ended is known elsewhere: its shim may go. */
  release(): void;
  /** Lets go of it, without ending it. */
  detach(): void;
}

/** A command that an agent before this one started. */
export interface FoundProcess extends Process {
  /** It wrote something. */
  readonly wasUsed: boolean;
  /** Of what it wrote, something may have been read and not kept; or it was in pipes that are gone. */
  readonly mayLack: readonly Stream[];
  /** Milliseconds since the Unix epoch; 0 while it runs, or where nobody saw it. */
  readonly endedAtMs: number;
}

/** Where an earlier start may be found. */
export interface Found extends Pick<Launch, 'folder' | 'onData' | 'onBroken'> {
  /** Whoever read its output before let go in good order, with all of that in the log. */
  readonly closed: boolean;
}

export interface Processes {
  /**
   * Starts a command. Throws what the machine throws, and the signal's reason if that aborts before the start;
   * nothing was started then.
   */
  launch(launch: Launch, signal: AbortSignal): Promise<Process>;
  /** Undefined where nothing was started in this folder, which is not there then. Throws what the machine throws. */
  find(at: Found): Promise<FoundProcess | undefined>;
  /** Removes this folder, if it is there, and those whose names go on with a dash. */
  clear(base: string): Promise<void>;
}
