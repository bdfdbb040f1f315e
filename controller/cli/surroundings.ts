import type { Clock } from '../../proto/clock.ts';
import type { RandomBytes } from '../../proto/random.ts';

/** Where a command writes. */
export interface Sink {
  readonly isTerminal: boolean;
  /** Of the terminal as it is now; 80 where there is none. */
  columns(): number;
  /** The same; 24 where there is none. */
  rows(): number;
  write(data: string | Uint8Array): void;
  /** Resolves when so little waits to be written that more may come. */
  settled(): Promise<void>;
}

/** Everything that the command line touches outside itself, so that a test can be the terminal. */
export interface Surroundings {
  env: Readonly<Record<string, string | undefined>>;
  homeDirectory: string;
  isRoot: boolean;
  /** Who works here, on which machine: of the system, not of the environment. */
  whoAndWhere(): { user: string; host: string };
  stdout: Sink;
  stderr: Sink;
  stdin: {
    readonly isTerminal: boolean;
    /** All of it; throws a Failure when there is more than `maxBytes`. */
    readAll(maxBytes: number): Promise<Uint8Array>;
  };
  /** One line typed at the terminal, without its end; `hidden`: not shown while it is typed. */
  ask(question: string, options?: { hidden?: boolean }): Promise<string>;
  /** Subscribes to Ctrl-C, which then no longer ends the process; the returned function ends it. */
  onInterrupt(listener: () => void): () => void;
  /** Told when this process shall end: Ctrl-C, SIGTERM, SIGHUP. Once the returned function was called, one of them ends it at once. */
  onStop(listener: () => void): () => void;
  /** Aborted when nobody reads stdout any longer (`| head`). */
  closed: AbortSignal;
  clock: Clock;
  random: RandomBytes;
}
