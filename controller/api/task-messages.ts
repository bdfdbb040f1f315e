import type { PackageAction, PackageManagerName, Versions } from '../../proto/packages.ts';
import type { ReleaseReply } from './messages.ts';

/** What a task may be, as messages.ts has the rest. */

/** What is uploaded beforehand, as the reply to its upload said. `sha512` and `key` are hex. */
export interface ContentBody {
  sha512: string;
  length: number;
  key: string;
}

/** A release as the reply to its signing said it; `contents` of each of its builds, compressed by zstd. */
export interface UpgradeBody extends ReleaseReply {
  contents: ContentBody[];
  /** How long the new version has to come online before the old one goes on; default two minutes. */
  onlineWithinMs?: number;
}

/** What is done with the packages of a host; what scan, plan and history find is its standard output, as JSON (proto/packages.ts). */
export interface PackagesBody {
  action: PackageAction;
  /** plan: only these; ensure, hold, unhold: these. */
  names?: string[];
  /** plan: not these. */
  exclude?: string[];
  /** plan: security updates only. */
  security?: boolean;
  /** ensure; default present. */
  state?: 'present' | 'latest' | 'absent';
  /** ensure of one name: exactly this one. */
  version?: string;
  /** What becomes of configuration files that were changed here and in the package; default keep. */
  configFiles?: 'keep' | 'replace';
  /** apply: whether the versions before are fetched and kept first; `required`: nothing is changed where they cannot be. Default wanted. */
  wayBack?: 'required' | 'wanted' | 'none';
  /** How long whoever holds the package manager's lock is waited for; default five minutes. */
  lockWaitMs?: number;
}

/** It holds while `need` of the last `of` tries succeeded. */
export interface ProbeTimesBody {
  need?: number;
  of?: number;
  everyMs?: number;
  /** Of one try. */
  timeoutMs?: number;
  /** It fails where it did not hold by then. */
  withinMs?: number;
  /** From when it holds; it fails as soon as it does not any more. */
  holdMs?: number;
}
export interface HttpBody {
  url: string;
  /** Left out: any from 200 to 399. */
  status?: number;
  contains?: string;
  /** Whatever the certificate. */
  insecure?: boolean;
}
export interface TcpBody {
  host: string;
  port: number;
}
export type ProbeBody = ProbeTimesBody &
  ({ command: { argv: string[] } } | { shell: { line: string } } | { http: HttpBody } | { tcp: TcpBody });

/** One of these kinds, upgrade and uninstall alone in their job. `stdin`, a script's `content` and a file's `inline` are base64. */
export type TaskKindBody =
  | { command: { argv: string[]; stdin?: string } }
  | { shell: { line: string; stdin?: string } }
  | { script: { content: string; args: string[]; name: string; stdin?: string } }
  | {
      file: {
        path: string;
        state: 'file' | 'directory' | 'link' | 'absent';
        inline?: string;
        content?: ContentBody;
        target?: string;
        owner?: string;
        group?: string;
        mode?: number;
      };
    }
  | { tree: { path: string; manifest: ContentBody; owner?: string; group?: string } }
  | {
      service: {
        unit: string;
        state?: 'started' | 'stopped' | 'restarted' | 'reloaded';
        enabled?: boolean;
      };
    }
  | { reboot: { timeoutMs?: number; ifNeeded?: boolean } }
  | { collect: { path: string } }
  | { upgrade: UpgradeBody }
  | { uninstall: { keepPolicy?: boolean } }
  | { packages: PackagesBody }
  | { probe: ProbeBody };

/** What the agent does by itself where its controller does not answer within this time after the task. */
export interface UndoBody {
  withinMs: number;
  tasks: Extract<
    TaskKindBody,
    { command: object } | { shell: object } | { file: object } | { service: object } | { packages: object }
  >[];
}

/** A task with its name and its guards: there is nothing to do where `unless` exits with 0 or `creates` exists. */
export type TaskBody =
  | (Exclude<TaskKindBody, OnceForAll> & UndoableBody)
  | (Extract<TaskKindBody, OnceForAll> & GuardedBody);

interface GuardedBody {
  name?: string;
  unless?: string;
  creates?: string;
}
export type UndoableBody = GuardedBody & { undo?: UndoBody };

/** What is not taken back: it changes nothing, or the agent itself. */
type OnceForAll =
  | { reboot: object }
  | { collect: object }
  | { upgrade: object }
  | { uninstall: object }
  | { probe: object };

/** What apply and revert mean on one host, all of it or nothing. */
export interface TransactionBody {
  manager: PackageManagerName;
  changes: Versions[];
}
