/** What is put on a host: one file, and a wrapper that starts it. */

export type Arch = 'x64' | 'arm64';
/** `bundle` runs on a Node of the host; `executable` brings its own. */
export type Form = 'bundle' | 'executable';
export type Packing = 'zstd' | 'xz' | 'gzip';

/** A build of the agent, as it is on the host. `sha512` is hex, of the file, as `length`. */
export interface Build {
  readonly version: string;
  readonly form: Form;
  /** Of an executable. */
  readonly arch: Arch | undefined;
  readonly sha512: string;
  readonly length: number;
}

/** The same, as it travels. */
export interface Packed {
  readonly build: Build;
  readonly packing: Packing;
  /** Of the packed file, which stays as it is until `close` of its builds; `sha512` in hex. */
  readonly length: number;
  readonly sha512: string;
  /** From the disk, a piece at a time: as many readers as one likes. */
  open(): AsyncIterable<Uint8Array>;
  /** Shorter at the end. */
  read(at: number, length: number): Promise<Uint8Array>;
}

/** The builds of this program's own version, made when they are first asked for and kept. */
export interface Builds {
  /**
   * Packed in the best way that the host knows (`accepted`, in any order) and this machine too. Made once, whoever asks.
   * Throws HostFailure('no-build') where it cannot be made here.
   */
  packed(form: Form, arch: Arch, accepted: readonly Packing[]): Promise<Packed>;
  /** Ends what is being made. */
  close(): Promise<void>;
}
