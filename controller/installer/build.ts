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
  /** Of the packed file, which stays as it is while this program runs. */
  readonly length: number;
  open(): AsyncIterable<Uint8Array>;
}

/** The builds of this program's own version, made when they are first asked for and kept. */
export interface Builds {
  /** Throws HostFailure('no-runtime') where one cannot be made here. The same promise for the same question. */
  packed(form: Form, arch: Arch, packing: Packing): Promise<Packed>;
}
