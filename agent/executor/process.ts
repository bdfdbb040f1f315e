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
  /** Bytes are good until it returns. */
  onData(stream: Stream, data: Uint8Array): void;
  /** The stream broke; bytes may be missing. */
  onBroken(stream: Stream): void;
}

/** A command that was started and watched by its shim. */
export interface Process {
  readonly root: ProcessId;
  /** Aborts at the end, before `ended` settles. */
  readonly end: AbortSignal;
  readonly ended: Promise<Ending>;
  pause(): void;
  resume(): void;
  /** After the end: takes what is left in the pipes. True if somebody still holds them open for writing. */
  drain(): boolean;
  /** Lets go of it, without ending it. */
  detach(): void;
}

export interface Processes {
  /**
   * Starts a command. Throws what the machine throws, and the signal's reason if that aborts before the start;
   * nothing was started then.
   */
  launch(launch: Launch, signal: AbortSignal): Promise<Process>;
  /** Removes a run folder and what is in it, if it is there. */
  remove(folder: string): Promise<void>;
}
