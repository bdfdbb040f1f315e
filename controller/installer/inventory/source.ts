import type { HostEntry } from '../host.ts';

/** What names hosts: one argument of the command line, or a file that was read. `position` counts from 1. */
export type Source =
  | { readonly kind: 'argument'; readonly text: string; readonly position: number }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly text: string;
      /** What Ansible would read beside it (`findBeside`). */
      readonly beside?: readonly VariableFile[];
    };

export interface VariableFile {
  readonly folder: 'group_vars' | 'host_vars';
  /** From that folder: `web.yml`, `web/users.yml`. */
  readonly relative: string;
  readonly path: string;
  readonly text: string;
}

/** `from` as in HostEntry; the message is one line, and may quote what was read: printable ASCII only, never a secret. */
export interface Problem {
  readonly from: string;
  readonly message: string;
}

export interface Hosts {
  readonly entries: HostEntry[];
  /** Everything that is wrong, in the order of the sources. While there are any, the entries are not to be used. */
  readonly problems: Problem[];
  /** What the operator should know and need not mend. */
  readonly notes: string[];
}
