/** What a service is installed on, as far as this feature touches it. `system.ts` has the real one. Paths are absolute. */
export interface Machine {
  /** Undefined: nothing is there. */
  kind(path: string): 'file' | 'folder' | 'link' | 'other' | undefined;
  /** Undefined: there is no such file. */
  read(path: string): string | undefined;
  /** Where a link points, as it is written. */
  target(path: string): string | undefined;
  names(folder: string): readonly string[];
  /** Owned by root; whole or not there, also after a power cut. Makes the folder. */
  write(path: string, text: string, mode: number): void;
  /** Makes or replaces a link by one rename. */
  link(path: string, target: string): void;
  /** With all that is in it; nothing where nothing is. */
  remove(path: string): void;
  /** Also where it is there already; the mode is that of the last part. */
  makeFolder(path: string, mode: number): void;
  /** For a folder that is empty; false: it is not. */
  removeEmpty(folder: string): boolean;
  /** Bytes that are free where this path is or will be. */
  freeBytes(path: string): number;
  /** Copies files into a folder that is not there yet, owned by root, durable when it resolves. */
  copy(files: readonly ProgramFile[], folder: string): Promise<void>;
  run(argv: readonly string[], options?: RunOptions): Promise<Ran>;
  /** The schema of the database of a controller's home; undefined: there is none. */
  schemaOf(home: string): number | undefined;
  /** Whether a controller works on this home. */
  isInUse(home: string): boolean;
  /** Until the returned function is called nobody else installs or removes the service here. Throws ServiceFailure. */
  alone(): () => void;
  /** Holds a home so that no controller starts on it. Throws MusterError('home-in-use'). */
  hold(home: string): () => void;
}

export interface RunOptions {
  /** As this user of the system, without any of root's groups. */
  readonly user?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Ran {
  /** 127: it could not be started. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One file of this program: where it is, and where it belongs below a slot. */
export interface ProgramFile {
  readonly from: string;
  readonly to: string;
  readonly executable: boolean;
  readonly bytes: number;
  /** Hex. */
  readonly sha512: string;
}

/** This program, as it is about to be copied. */
export interface Program {
  readonly version: string;
  /** Hex, over all files: the same program has the same. */
  readonly sha512: string;
  readonly files: readonly ProgramFile[];
}
