import type { Clock } from '../../proto/clock.ts';
import type { RandomBytes } from '../../proto/random.ts';
import type { Env } from '../config.ts';
import type { Via } from '../link/proxy.ts';
import type { Dial } from '../link/transport.ts';

/** What the command line touches of the world. */
export interface Surroundings {
  readonly env: Env;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Dials through a proxy, or without one. */
  dialVia(via: Via | undefined): Dial;
  readonly stdinIsTerminal: boolean;
  /** All of standard input, or of a file; refuses more than a few MiB. Throws the system's error. */
  readStdin(): Promise<string>;
  readFile(path: string): string;
  /** One line from the terminal; `hidden`: without showing it. */
  ask(question: string, hidden: boolean): Promise<string>;
  print(text: string): void;
  /** Notes and errors, on standard error. */
  note(text: string): void;
  columns: number;
  hostname(): string;
  /** A hint for people; empty where there is none. */
  machineId(): string;
  /** Calls `stop` at the first signal to stop; a second one ends the process at once. */
  onStop(stop: () => void): void;
  /** This process may take so long to end by itself; after that it is killed. */
  endWithin(ms: number): void;
}
