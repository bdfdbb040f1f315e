/** What the engine and the managers need of a run and of its machine, declared at their side; run.ts joins them. */
import type { Clock } from '../../proto/clock.ts';

/** A program and its words. Builders make it, and nothing else does; `env` is set for this program alone. */
export interface Command {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

/** What a program said that only answers a question. */
export interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a program ended that was carried out in front of everybody. */
export interface Ended {
  /** Undefined where a signal ended it, or where it was not started. */
  readonly exitCode: number | undefined;
  /** Why there is no exit status, or whose it is. */
  readonly reason?: string;
  /** Nobody saw its end: what it did is unknown. */
  readonly isUnknown: boolean;
  /** The end of what it wrote, both streams as they came; of a command that was taken up only what came since. */
  readonly said: string;
}

/** Who holds a lock. */
export interface Holder {
  readonly pid: number;
  /** As the kernel calls it. */
  readonly name: string;
}

/** What one run may touch of the machine. */
export interface Host {
  readonly clock: Clock;
  readonly files: HostFiles;
  /** Aborts when the run is to end. */
  readonly signal: AbortSignal;
  /** A line for people, on standard error where standard output is an answer. */
  say(line: string): void;
  /** Asks a program that changes nothing, and may be asked again. Throws an Error that says why it could not be asked. */
  ask(command: Command): Promise<Answer>;
  /**
   * Carries out a program whose words people see as they come. `part`, of lower-case letters, names it within the task, once. One that
   * was begun by an agent before this one is begun again.
   */
  run(part: string, command: Command): Promise<Ended>;
  /** As `run`, but of what an agent before this one began the end is waited for: it is carried out once, whatever becomes of the agent. */
  runOnce(part: string, command: Command): Promise<Ended>;
  /** The end of what an agent before this one began as this part by `runOnce`; undefined where none did. */
  takeUp(part: string): Promise<Ended | undefined>;
  /** Who holds a lock, by fcntl(2), on one of these files. */
  lockHolder(paths: readonly string[]): Promise<Holder | undefined>;
}

/** Files of the machine, by absolute paths. What is not there, or cannot be read, is undefined or empty. */
export interface HostFiles {
  exists(path: string): Promise<boolean>;
  /** At most `maxBytes` from its end. */
  readText(path: string, maxBytes?: number): Promise<string | undefined>;
  /** What it holds, unpacked by gzip, at most `maxBytes`. */
  readGzip(path: string, maxBytes?: number): Promise<string | undefined>;
  /** Names in a folder. */
  list(path: string): Promise<readonly string[]>;
  size(path: string): Promise<number | undefined>;
  /** Of the file system that this path is on, or would be. */
  freeBytes(path: string): Promise<number>;
}
