/** A task as it is asked for, and what it is called. Pure. */
import type { PackageAction, PackageManagerName, Versions } from '../../proto/packages.ts';
import { TASK_KINDS, type TaskKind } from '../../proto/validate-order.ts';

/** Content that was uploaded; `sha512` and `key` are hex. */
export interface ContentRequest {
  sha512: string;
  length: number;
  key: string;
}

/** `release` is base64, as a release key signed it; key ids are hex, signatures base64. */
export interface UpgradeRequest {
  release: string;
  signatures: { keyId: string; signature: string }[];
  /** Of each build of the release, in its order. */
  contents: ContentRequest[];
  onlineWithinMs?: number | undefined;
}

export type TaskKindRequest =
  | { command: { argv: string[]; stdin?: string | undefined } }
  | { shell: { line: string; stdin?: string | undefined } }
  | { script: { content: string; args: string[]; name: string; stdin?: string | undefined } }
  | {
      file: {
        path: string;
        state: 'file' | 'directory' | 'link' | 'absent';
        inline?: string | undefined;
        content?: ContentRequest | undefined;
        target?: string | undefined;
        owner?: string | undefined;
        group?: string | undefined;
        mode?: number | undefined;
      };
    }
  | {
      tree: {
        path: string;
        manifest: ContentRequest;
        owner?: string | undefined;
        group?: string | undefined;
      };
    }
  | { service: { unit: string; state?: string | undefined; enabled?: boolean | undefined } }
  | { reboot: { timeoutMs?: number | undefined; ifNeeded?: boolean | undefined } }
  | { collect: { path: string } }
  | { upgrade: UpgradeRequest }
  | { uninstall: { keepPolicy?: boolean | undefined } }
  | { packages: PackagesRequest }
  | { probe: ProbeRequest };

export interface PackagesRequest {
  action: PackageAction;
  names?: string[] | undefined;
  exclude?: string[] | undefined;
  security?: boolean | undefined;
  state?: 'present' | 'latest' | 'absent' | undefined;
  version?: string | undefined;
  configFiles?: 'keep' | 'replace' | undefined;
  wayBack?: 'required' | 'wanted' | 'none' | undefined;
  lockWaitMs?: number | undefined;
}

export type ProbeRequest = ProbeTimes &
  (
    | { command: { argv: string[] } }
    | { shell: { line: string } }
    | {
        http: {
          url: string;
          status?: number | undefined;
          contains?: string | undefined;
          insecure?: boolean | undefined;
        };
      }
    | { tcp: { host: string; port: number } }
  );

export interface ProbeTimes {
  need?: number | undefined;
  of?: number | undefined;
  everyMs?: number | undefined;
  timeoutMs?: number | undefined;
  withinMs?: number | undefined;
  holdMs?: number | undefined;
}

/** What the agent does by itself where it does not find its controller again. */
export interface UndoRequest {
  withinMs: number;
  tasks: Extract<
    TaskKindRequest,
    { command: object } | { shell: object } | { file: object } | { service: object } | { packages: object }
  >[];
}

export type TaskRequest = TaskKindRequest & {
  name?: string | undefined;
  unless?: string | undefined;
  creates?: string | undefined;
  undo?: UndoRequest | undefined;
};

/** What apply and revert mean on one host. */
export interface Transaction {
  manager: PackageManagerName;
  changes: Versions[];
}

export type JobKind = TaskKind | 'bundle';

function taskKind(task: TaskRequest): TaskKind {
  return TASK_KINDS.find((kind) => kind in task) ?? 'command';
}

export function kindOf(tasks: readonly TaskRequest[]): JobKind {
  const [only, ...more] = tasks;
  return only && more.length === 0 ? taskKind(only) : 'bundle';
}

const TITLE_CHARS = 200;

/** Tasks in one line, for lists. */
export function titleOf(tasks: readonly TaskRequest[]): string {
  return cut(tasks.map(nameOf).join('; '));
}

/** What a task is called: as somebody named it, or what it does. */
export function nameOf(task: TaskRequest): string {
  return task.name ?? cut(titleOfTask(task));
}

function cut(line: string): string {
  return line.length > TITLE_CHARS ? `${line.slice(0, TITLE_CHARS - 1)}…` : line;
}

function titleOfTask(task: TaskRequest): string {
  if ('command' in task) return task.command.argv.join(' ');
  if ('shell' in task) return task.shell.line;
  if ('script' in task) return [task.script.name, ...task.script.args].join(' ');
  if ('file' in task) return `${task.file.state} ${task.file.path}`;
  if ('tree' in task) return `tree ${task.tree.path}`;
  if ('collect' in task) return `collect ${task.collect.path}`;
  if ('reboot' in task) return 'reboot';
  if ('upgrade' in task) return 'upgrade';
  if ('uninstall' in task) return 'uninstall';
  if ('packages' in task) return titleOfPackages(task.packages);
  if ('probe' in task) return titleOfProbe(task.probe);
  const { unit, state, enabled } = task.service;
  const wanted = [state, enabled === undefined ? undefined : enabled ? 'enabled' : 'disabled'];
  return `service ${unit} ${wanted.filter(Boolean).join(' ')}`;
}

function titleOfPackages({ action, names = [], state, version }: PackagesRequest): string {
  const what = action === 'ensure' ? state : action;
  return ['packages', what, ...names, version].filter((word) => word !== undefined).join(' ');
}

function titleOfProbe(probe: ProbeRequest): string {
  if ('command' in probe) return `probe ${probe.command.argv.join(' ')}`;
  if ('shell' in probe) return `probe ${probe.shell.line}`;
  return 'http' in probe ? `probe ${probe.http.url}` : `probe ${probe.tcp.host}:${probe.tcp.port}`;
}
