/**
 * One package manager, as the engine uses it. Builders of commands and parsers of answers are pure and in files of their own; a manager
 * joins them over a `Host`. The engine decides what is done, compares, waits for locks and keeps old versions; a manager never does
 * any of that by itself, asks no questions of people, and changes nothing but in `refresh`, `mend`, `download`, `changeCommand`, `hold`,
 * `unhold` and `markAutomatic`.
 */
import type { PackageHistoryEntry, PackageManagerName, Versions } from '../../proto/packages.ts';
import type { Command, Holder, Host } from './host.ts';

/** `arch` as `Versions` has it: the same for one package in all answers of a manager, or empty. */
export interface PackageId {
  readonly name: string;
  readonly arch: string;
}

/** A version of a package; `version` is never empty. */
export interface PackageVersion extends PackageId {
  readonly version: string;
}

export interface Installed extends PackageVersion {
  /** False: what an operation that was cut off, or a script that failed, left. */
  readonly isWhole: boolean;
  /** Of those of which several versions are installed beside each other, such as kernels. */
  readonly isSideBySide?: boolean;
}

export interface Pending extends Versions {
  readonly security: boolean;
  readonly held: boolean;
}

/** One change of an exact transaction; `file` is the archive of `to` on this machine, where it is not to come from a repository. */
export interface Wanted extends Versions {
  readonly file?: string;
}

/** What is asked of a simulation. Nothing is ever held back silently: what cannot be had is `Unsolvable`. */
export type Wish =
  /** Exactly these, where that can be; whatever else would have to come along is in the answer. */
  | { readonly kind: 'exact'; readonly changes: readonly Wanted[] }
  /** These are installed; those that are already stay as they are. */
  | { readonly kind: 'install'; readonly names: readonly string[] }
  | { readonly kind: 'latest'; readonly names: readonly string[] }
  /** Of one name. */
  | { readonly kind: 'version'; readonly name: string; readonly version: string }
  | { readonly kind: 'remove'; readonly names: readonly string[] };

export interface Simulation {
  /** Sorted by name and arch. */
  readonly changes: readonly Versions[];
  /** Of archives that are not on this machine yet. */
  readonly downloadBytes: number;
  /** Room that installed files take besides, at the most; 0 where the manager looks after it by itself. */
  readonly diskBytes: number;
}

/** A wish that cannot be met as the repositories and the host are; the message is the manager's own reason in one line. */
export class Unsolvable extends Error {}

export interface ChangeOptions {
  /** keep: configuration files that were changed here stay; replace: the package's come in their place. */
  readonly configFiles: 'keep' | 'replace';
  /** For the manager's own wait, where another took the lock after the engine had looked. */
  readonly lockWaitMs: number;
}

export interface PackageManager {
  readonly name: PackageManagerName;
  /** Who holds a lock that its next command needs. */
  lockHolder(): Promise<Holder | undefined>;
  /**
   * Fetches the repositories' lists. A repository that does not answer is tried again. Throws an Error that names it: what comes
   * after would work on half a truth.
   */
  refresh(): Promise<void>;
  /** Why nothing can be done before `mend`, as after an operation that was cut off. */
  broken(): Promise<string | undefined>;
  /** Brings to its end what was cut off. Throws an Error that says what stands in the way. */
  mend(): Promise<void>;
  /** What was cut off has to be mended before anything goes back as well; where it is not there, going back mends it. */
  readonly isMendedToGoBack?: true;
  /** By the lists that are there. Sorted by name and arch. */
  pending(): Promise<readonly Pending[]>;
  /** Of these names, in all architectures; those that are not installed have no entry. */
  installed(names: readonly string[]): Promise<readonly Installed[]>;
  /** Absolute paths of all that is in installed packages of these names, in no order. */
  filesOf(names: readonly string[]): Promise<readonly string[]>;
  /** Names of held packages. */
  held(): Promise<readonly string[]>;
  /** What would be done, by the lists that are there. Throws Unsolvable. */
  simulate(wish: Wish): Promise<Simulation>;
  /** The size of each archive, where a repository or the manager's cache has it; undefined where it cannot be had. In the same order. */
  obtainable(packages: readonly PackageVersion[]): Promise<readonly (number | undefined)[]>;
  /** Fetches archives into a folder, and returns their paths in the same order; undefined for one that could not be had. */
  fetchInto(packages: readonly PackageVersion[], folder: string): Promise<readonly (string | undefined)[]>;
  /** Fetches all that `changeCommand` will install from repositories. Throws an Error that says what was not to be had; nothing has changed then. */
  download(changes: readonly Wanted[]): Promise<void>;
  /** The one command that carries out a transaction, fully named, from what is on this machine by now. Pure. */
  changeCommand(changes: readonly Wanted[], options: ChangeOptions): Command;
  /** Why it failed: the package and the script, where the manager says so. `said` is the end of its output. */
  failureOf(said: string): string | undefined;
  /** Which packages are there only because others need them, where the manager keeps that; it is kept over a change. */
  readonly automatic?: {
    list(names: readonly string[]): Promise<readonly string[]>;
    mark(names: readonly string[]): Promise<void>;
  };
  /** Throws an Error that says why not. */
  hold(names: readonly string[]): Promise<void>;
  unhold(names: readonly string[]): Promise<void>;
  /** Newest first, at most `most`. */
  history(most: number): Promise<readonly PackageHistoryEntry[]>;
  /** Whether one of these replaces something that only another boot takes up. */
  wantsReboot(changes: readonly Versions[]): boolean;
}

/** A manager, if it is the one of this host: see detect.ts. */
export interface ManagerKind {
  readonly name: PackageManagerName;
  /** Programs, one of which a host with this manager has. */
  readonly programs: readonly string[];
  create(host: Host): PackageManager;
}
