/**
 * A connection to a host, and the root shell on it through which all of an install goes. Declared by those who use it; `ssh/`
 * implements it, and tests put a local /bin/sh in its place.
 */

export interface Connection {
  /** `SHA256:…` of the host key that was checked. */
  readonly fingerprint: string;
  readonly user: string;
  /**
   * One /bin/sh on the host that stays until the connection ends: as root, by sudo where the user is another one. Whatever login
   * shells print or are (csh, fish), only what its scripts write comes back. Throws HostFailure: not-root, sudo-*, shell.
   */
  rootShell(): Promise<RemoteShell>;
  /** Ends it and what still runs in its shell; never rejects. */
  close(): Promise<void>;
  /** Aborted when the connection is gone, for whatever reason. */
  readonly gone: AbortSignal;
}

export interface Answer {
  readonly status: number;
  /** Whole, at most 1 MiB of each. */
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** What the script reads as its standard input; after it, nothing. Left out: nothing. */
  readonly input?: AsyncIterable<Uint8Array> | Uint8Array;
  /** Of the host's silence, in ms: no output and no input taken. */
  readonly silenceMs?: number;
  /** Bytes of `input` that the connection took so far. */
  readonly onProgress?: (bytes: number) => void;
}

export interface RemoteShell {
  /**
   * Carries out a script (POSIX sh) in a subshell of the root shell, one at a time: `$$` is the root shell. Secrets and data go by
   * `input`, never in the text. What a script leaves running ends with a connection that is cut, unless it has a session of its
   * own (setsid) and holds none of the script's streams. Throws HostFailure: cut, silent.
   */
  run(script: string, options?: RunOptions): Promise<Answer>;
}
