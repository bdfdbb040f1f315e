import type { HostEntry } from '../host.ts';

/** What names hosts: one argument of the command line (`position` counts from 1), or what was read (`findInventory`). */
export type Source =
  | { readonly kind: 'argument'; readonly text: string; readonly position: number }
  | ({ readonly kind: 'file' } & TextFile & Companions)
  /** Ansible's: its files are one inventory. */
  | ({ readonly kind: 'folder'; readonly path: string; readonly files: readonly TextFile[] } & Companions);

export interface TextFile {
  readonly path: string;
  readonly text: string;
}

interface Companions {
  readonly beside?: readonly VariableFile[];
}

/** A file of one of these folders; `relative` from there: `web.yml`, `web/users.yml`. */
export interface VariableFile extends TextFile {
  readonly folder: 'group_vars' | 'host_vars';
  readonly relative: string;
}

/** `from` as in HostEntry; the message is one line, and may quote what was read: printable ASCII only, never a secret. */
export interface Problem {
  readonly from: string;
  readonly message: string;
  /** The hosts, as written, that it is of. Undefined: of all that was read, since one cannot know. */
  readonly hosts?: readonly string[];
}

export interface Hosts {
  readonly entries: HostEntry[];
  /** Everything that is wrong, in the order of the sources. While there are any, the entries are not to be used. */
  readonly problems: Problem[];
  /** What the operator should know and need not mend. */
  readonly notes: string[];
}
