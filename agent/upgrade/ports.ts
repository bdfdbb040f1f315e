/** What this part needs of others, declared at its side; run.ts joins them. */
import type { Trust } from '../../certs/trust.ts';
import type { Clock } from '../../proto/clock.ts';
import type { Message } from '../../proto/codec.ts';
import type { Form, Slot, Trial, TrialOutcome, TrialStart } from '../../proto/slots.ts';
import type { Log } from '../log.ts';
import type { Running } from './plan.ts';

export interface FoundTrial extends Trial {
  readonly starts: readonly TrialStart[];
  /** Undefined while it is on. */
  readonly outcome: TrialOutcome | undefined;
}

type BuildMessage = Message<'Build'>;

/** The folder with the slots. All of it throws what the disk throws. */
export interface ProgramFolder {
  formIn(slot: Slot): Form;
  /** What starts the agent of a slot. */
  argvOf(slot: Slot): readonly string[];
  freeBytes(): number;
  /** Whether the program in this slot is this one, byte for byte. */
  has(slot: Slot, build: BuildMessage, signal: AbortSignal): Promise<boolean>;
  /**
   * The program of a build into a slot, from its file as zstd packed it; the slot holds nothing else then, and cannot be started yet.
   * Where that fails it is empty. Throws MusterError('content-corrupt').
   */
  unpack(slot: Slot, build: BuildMessage, packed: string, signal: AbortSignal): Promise<void>;
  /** Makes the slot one that can be started, durably; a bundle with the Node of the slot `own`. */
  finish(slot: Slot, build: BuildMessage, version: string, own: Slot): void;
  trial(): FoundTrial | undefined;
  /** The one before; its outcome is known. */
  lastTrial(): FoundTrial | undefined;
  current(): Slot | undefined;
  /** Durable; nothing starts otherwise by it yet. */
  beginTrial(trial: Trial): void;
  /** What starts next. Durable. */
  pointTo(slot: Slot): void;
  /** The new version stays, and the trial is over. False: it was decided otherwise before. */
  decideKept(): boolean;
  /** Puts away a trial that was never begun. */
  discardTrial(): void;
}

export interface UpgradePorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly folder: ProgramFolder;
  /** The slot that this process was started from. */
  readonly slot: Slot;
  readonly running: Running;
  readonly bootId: string;
  trust(): Trust;
  readonly fetch: (
    content: { readonly sha512: Uint8Array; readonly length: number; readonly key: Uint8Array },
    run: { readonly jobId: string; readonly signal: AbortSignal },
  ) => Promise<{ readonly path: string; release(): void }>;
  /**
   * Resolves when this process runs nothing that the next one could not take up, and lets no such thing begin until the returned function
   * is called. Rejects with the signal's reason.
   */
  alone(signal: AbortSignal): Promise<() => void>;
  /** Lets go of all runs and ends this process, so that what is current is started. */
  restart(): void;
}

/** What a task of kind upgrade may touch of its run. */
export interface UpgradeRun {
  readonly jobId: string;
  readonly attempt: number;
  readonly check: boolean;
  readonly signal: AbortSignal;
  say(line: string): void;
  /** Carries out a command; what it wrote last, and its exit status, undefined where it had none. Each `part` once. */
  command(
    part: 'try' | 'words',
    argv: readonly string[],
  ): Promise<{ readonly stdout: string; readonly stderr: string; readonly exitCode: number | undefined }>;
}

export interface UpgradeResult {
  readonly state: 'succeeded' | 'failed';
  readonly change?: 'changed' | 'unchanged' | 'would-change';
  readonly reason?: string;
}
