/** A service as its init system tells of it, and what can be asked of one. */

export interface Service {
  /** Why nothing can be done with it: not known, masked, badly configured. */
  readonly problem?: { readonly isUnknown: boolean; readonly why: string };
  /** `changing`: on the way to one of the others, or starting again and again. */
  readonly running: 'running' | 'stopped' | 'failed' | 'changing';
  /** The init system's own words for that. */
  readonly says: string;
  /** At boot. `fixed`: not for this to decide; what the init system calls that is `enabledSays`. */
  readonly enabled: 'yes' | 'no' | 'fixed';
  readonly enabledSays: string;
  /** Undefined where only trying tells. */
  readonly canReload: boolean | undefined;
  /** It does its work and ends, which is no failure. */
  readonly isOneshot: boolean;
  /** Another one after each start; empty where there is no such thing. */
  readonly instance: string;
  /** Its configuration on the disk is not what the init system has read. */
  readonly isStale: boolean;
}

export type Action = 'refresh' | 'enable' | 'disable' | 'start' | 'stop' | 'restart' | 'reload';

/** What a command answered. */
export interface Answer {
  readonly exitCode: number;
  readonly stdout: string;
}

/** One init system: which commands to give it, and how to read what they answer. Pure. */
export interface InitSystem {
  readonly name: string;
  /** Each is one command; their answers in this order are what `read` takes. */
  queries(unit: string): readonly (readonly string[])[];
  /** Throws an Error where the answers are none. */
  read(unit: string, answers: readonly Answer[]): Service;
  command(action: Action, unit: string): readonly string[];
  /** Prints what a service that failed said last. */
  lastWords(unit: string): readonly string[];
}
