/**
 * What an agent must not forget: the orders that it took, how far their runs went, the reports that nobody has receipted
 * yet, and the cancels of orders that have not come. Every method is one durable commit or one read; all throw
 * MusterError('journal-failed') when the disk does not take or give it, and then nothing has changed.
 *
 *   (unknown) --accept--> accepted --start--> running --conclude--> over --receipt--> over, output gone --forget--> (forgotten)
 *        \                  ^_____________________________/ again       ^
 *         \________________________________________conclude (rejected)__/
 *
 * A run that may be attempted again is concluded and accepted anew, with the next attempt, in one commit.
 */
export type JournalState = 'accepted' | 'running' | 'over';

/** When a run started: for people, and for an agent after this one, which goes on counting in the same boot. */
export interface Start {
  readonly startedAtMs: number;
  readonly startedUptimeMs: number;
  readonly bootId: string;
}

/** What an agent needs to carry on with a run: kept from its acceptance to its end, and erased then. */
export interface Work {
  /** The bytes of the order. */
  readonly order: Uint8Array;
  /** What was found out about the machine, and who signed; runs/work.ts writes and reads it. */
  readonly context: string;
}

export interface OrderRow extends Start {
  readonly jobId: string;
  /** 32 bytes. */
  readonly orderHash: Uint8Array;
  readonly expiresAtMs: number;
  readonly state: JournalState;
  readonly attempt: number;
  /** How many tasks the run has. */
  readonly tasks: number;
  /** 0 until it is over. */
  readonly reportSeq: number;
  /** It goes on with this task once the boot id is another than this run's; 0: it waits for no reboot. */
  readonly resumeAt: number;
}

export interface Acceptance {
  readonly jobId: string;
  readonly orderHash: Uint8Array;
  readonly expiresAtMs: number;
  readonly attempt: number;
  readonly tasks: number;
  readonly work: Work;
  /** Set when the run starts at once: accepted and running are then one commit. */
  readonly start?: Start;
}

/** Where the kept output of a finished run is: nowhere (there is none), in the report's row, in a file of its own. */
export type KeptIn = 'none' | 'row' | 'file';

export interface Conclusion {
  readonly jobId: string;
  readonly orderHash: Uint8Array;
  readonly expiresAtMs: number;
  readonly attempt: number;
  readonly kept: KeptIn;
  /** `encodePieces` of it, where `kept` is 'row'. */
  readonly output?: Uint8Array;
  /** Bytes of output that go before the report. */
  readonly outputEnd: number;
  /** The next attempt is accepted in the same commit, and the run's work kept for it. */
  readonly again?: boolean;
}

/** The link of the chain that the next report continues. */
export interface Chain {
  readonly epoch: Uint8Array;
  /** Of the last report; 0 before the first. */
  readonly seq: number;
  /** H("report", last report) cut to 32 bytes; zeros before the first. */
  readonly hash: Uint8Array;
}

export interface SignedReport {
  readonly report: Uint8Array;
  readonly signature: Uint8Array;
}

export interface StoredReport extends SignedReport {
  readonly seq: number;
  readonly jobId: string;
  readonly attempt: number;
  readonly kept: KeptIn;
  readonly outputEnd: number;
}

export interface RunKey {
  readonly jobId: string;
  readonly attempt: number;
}

/** A run whose report has its receipt, and where its output was kept until then. */
export interface Receipted extends RunKey {
  readonly kept: KeptIn;
}

export interface Rechain {
  readonly afterSeq: number;
  sign(report: Uint8Array, chain: Chain): SignedReport;
}

export interface Journal {
  /** Reports of this journal count from 1 in it; a lost journal is a new epoch. 16 bytes. */
  epoch(): Uint8Array;
  chain(): Chain;
  find(jobId: string): OrderRow | undefined;
  findByHash(orderHash: Uint8Array): OrderRow | undefined;
  /** Accepted or running, oldest first: what an agent that died was at. */
  unfinished(): OrderRow[];
  accept(acceptance: Acceptance): void;
  /** Undefined when it is over, or was never accepted. */
  work(jobId: string): Work | undefined;
  start(run: RunKey, start: Start): void;
  /** A running one counts from here on: nothing of it had begun when its agent died, or the machine came back from its reboot. */
  goOn(run: RunKey, start: Start): void;
  /** The run goes on with task `resumeAt` once the boot id is another than it started with. */
  awaitReboot(run: RunKey, resumeAt: number): void;
  /** Makes the run over and appends its report, which `sign` makes of the chain, in one commit. */
  conclude(conclusion: Conclusion, sign: (chain: Chain) => SignedReport): StoredReport;
  /** The first report after `seq`, with or without receipt. */
  reportAfter(seq: number): StoredReport | undefined;
  report(seq: number): StoredReport | undefined;
  /** The kept output of a report whose `kept` is 'row'. */
  output(seq: number): Uint8Array | undefined;
  /**
   * Reports up to `seq` are stored by the controller: their output is dropped. The signed report itself, some hundred
   * bytes, stays until its order is forgotten, so that a redelivery is answered with it and never with a guess.
   * Returns the runs of which that was new. Need not be durable: it comes again with the next session.
   */
  receipt(seq: number): Receipted[];
  /** Whether this run's kept file is still needed. */
  keepsFile(run: RunKey): boolean;
  rememberCancel(jobId: string, orderHash: Uint8Array, expiresAtMs: number): void;
  isCancelled(jobId: string, orderHash: Uint8Array): boolean;
  /** Orders that expire at or before it were forgotten. */
  forgetFloorMs(): number;
  /** Forgets what expired more than a day before `nowMs` (the controller's time) and raises the floor. Returns how many. */
  forget(nowMs: number): number;
  /**
   * A new epoch with a new chain of the reports after `keep.afterSeq`, which `keep.sign` makes anew; without `keep` it is empty,
   * and what was not reported in the old one is lost. Job ids stay known.
   */
  renew(epoch: Uint8Array, keep?: Rechain): void;
  close(): void;
}

/** How long past its expiry a job id stays known. */
export const FORGET_AFTER_MS = 86_400_000;
