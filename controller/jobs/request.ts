/** What an operator asks for, and what of it becomes an order. Pure. */
import type { Encodable, OrderMessage } from '../../proto/codec.ts';
import { MusterError } from '../../proto/errors.ts';
import { LIMITS } from '../../proto/limits.ts';
import { checkOrder, TASK_KINDS, type TaskKind } from '../../proto/validate-order.ts';
import { ORDER_VERSION } from '../../proto/version.ts';
import { DEFAULTS } from './due.ts';
import type { Named } from './ports.ts';

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
  | { reboot: { timeoutMs?: number | undefined } }
  | { collect: { path: string } }
  | { upgrade: UpgradeRequest }
  | { uninstall: { keepPolicy?: boolean | undefined } };

export type TaskRequest = TaskKindRequest & {
  name?: string | undefined;
  unless?: string | undefined;
  creates?: string | undefined;
};

export interface Asked {
  targets?: string | undefined;
  selector?: string | undefined;
  limit?: string | undefined;
  seed?: number | undefined;
  failedOf?: string | undefined;
  states?: string | undefined;
}

/** How far a job goes at once; `10` or `25%` of its targets. */
export interface PaceAsked {
  batch?: string | undefined;
  maxFailures?: string | undefined;
}

export interface JobRequest extends Asked, PaceAsked {
  /** `stdin`, a script's `content` and a file's `inline` are base64. */
  tasks: TaskRequest[];
  /** Left out: what the tasks are. */
  title?: string | undefined;
  check?: boolean | undefined;
  timeoutMs?: number | undefined;
  ttlMs?: number | undefined;
  killGraceMs?: number | undefined;
  outputCapBytes?: number | undefined;
  user?: string | undefined;
  cwd?: string | undefined;
  env?: Record<string, string> | undefined;
  nice?: number | undefined;
  attempts?: number | undefined;
  reason?: string | undefined;
  idempotencyKey?: string | undefined;
  /** The job that it does again. */
  retryOf?: string | undefined;
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

/** The job in one line, for lists. */
export function titleOf({ title, tasks }: Pick<JobRequest, 'title' | 'tasks'>): string {
  if (title !== undefined) return title;
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
  const { unit, state, enabled } = task.service;
  const wanted = [state, enabled === undefined ? undefined : enabled ? 'enabled' : 'disabled'];
  return `service ${unit} ${wanted.filter(Boolean).join(' ')}`;
}

export function timesOf(request: JobRequest): { ttlMs: number; timeoutMs: number; killGraceMs: number } {
  return {
    ttlMs: request.ttlMs ?? DEFAULTS.ttlMs,
    timeoutMs: request.timeoutMs ?? DEFAULTS.timeoutMs,
    killGraceMs: request.killGraceMs ?? DEFAULTS.killGraceMs,
  };
}

export interface OrderInput {
  fleetId: Uint8Array;
  jobId: Uint8Array;
  targetsRoot: Uint8Array;
  targetsCount: number;
  nowMs: number;
  expiresAtMs: number;
}

/** An agent learns the time from Welcome, which took a moment to travel; its clock may lag that much behind. */
const NOT_BEFORE_SLACK_MS = 60_000;

/** Whether it upgrades or removes the agent itself, which takes more than to run something. */
export function changesAgents(tasks: readonly TaskRequest[]): boolean {
  return orderKindOf(tasks) !== 'run';
}

/** Tasks that change or remove the agent itself have a kind of order of their own, so that the trust document says who may sign them. */
function orderKindOf(tasks: readonly TaskRequest[]): 'run' | 'upgrade' | 'uninstall' {
  for (const task of tasks) {
    if ('upgrade' in task) return 'upgrade';
    if ('uninstall' in task) return 'uninstall';
  }
  return 'run';
}

function retryOf(attempts: number): OrderMessage['retry'] {
  return { policy: attempts > 1 ? 'safe' : 'never', attempts };
}

/** Throws MusterError('bad-request') when an agent would refuse the order's shape. */
export function orderOf(request: JobRequest, input: OrderInput): Encodable<OrderMessage> & OrderMessage {
  const times = timesOf(request);
  const order: OrderMessage = {
    version: ORDER_VERSION,
    fleetId: input.fleetId,
    jobId: input.jobId,
    kind: orderKindOf(request.tasks),
    targetsRoot: input.targetsRoot,
    targetsCount: input.targetsCount,
    signedAtMs: input.nowMs,
    notBeforeMs: input.nowMs - NOT_BEFORE_SLACK_MS,
    expiresAtMs: input.expiresAtMs,
    tasks: request.tasks.map(taskOf),
    limits: {
      timeoutMs: times.timeoutMs,
      killGraceMs: times.killGraceMs,
      outputCapBytes: request.outputCapBytes ?? DEFAULTS.outputCapBytes,
      user: request.user ?? '',
      cwd: request.cwd ?? '',
      env: Object.entries(request.env ?? {}).map(([name, value]) => ({ name, value })),
      nice: request.nice ?? 0,
    },
    retry: retryOf(request.attempts ?? 1),
    reason: request.reason ?? '',
    cancel: null,
    check: request.check ?? false,
  };
  if (times.ttlMs > LIMITS.ttlMaxMs) throw new MusterError('bad-request', 'the ttl is too long');
  try {
    checkOrder(order);
  } catch (cause) {
    if (cause instanceof MusterError) throw new MusterError('bad-request', cause.detail, { cause });
    throw cause;
  }
  return order;
}

/** What is not in the order itself and has to be fetched. */
export function namedIn(tasks: readonly TaskRequest[]): Named {
  return {
    contents: tasks.flatMap((task) => {
      if ('upgrade' in task) return task.upgrade.contents.map(contentOf);
      return 'file' in task && task.file.content ? [contentOf(task.file.content)] : [];
    }),
    manifests: tasks.flatMap((task) => ('tree' in task ? [contentOf(task.tree.manifest)] : [])),
  };
}

const NO_KIND = {
  command: null,
  shell: null,
  script: null,
  file: null,
  tree: null,
  service: null,
  reboot: null,
  collect: null,
  upgrade: null,
  uninstall: null,
} as const;

function taskOf(task: TaskRequest): OrderMessage['tasks'][number] {
  const { name = '', unless = '', creates = '' } = task;
  const guard = unless || creates ? { unless, creates } : null;
  return { name, guard, ...NO_KIND, ...kindOfTask(task) };
}

function kindOfTask(task: TaskRequest): Partial<OrderMessage['tasks'][number]> {
  if ('command' in task)
    return { command: { argv: task.command.argv, stdin: decode(task.command.stdin, 'stdin') } };
  if ('shell' in task) return { shell: { line: task.shell.line, stdin: decode(task.shell.stdin, 'stdin') } };
  if ('script' in task) {
    const { content, args, name, stdin } = task.script;
    return {
      script: { content: decode(content, 'script.content'), args, name, stdin: decode(stdin, 'stdin') },
    };
  }
  if ('file' in task) {
    const { path, state, inline, content, target = '', owner = '', group = '', mode = 0 } = task.file;
    const named = content === undefined ? null : contentOf(content);
    return {
      file: {
        path,
        state,
        inline: decode(inline, 'file.inline'),
        content: named,
        target,
        owner,
        group,
        mode,
      },
    };
  }
  if ('tree' in task) {
    const { path, manifest, owner = '', group = '' } = task.tree;
    return { tree: { path, manifest: contentOf(manifest), owner, group } };
  }
  if ('service' in task) {
    const { unit, state = '', enabled } = task.service;
    return { service: { unit, state, enabled: enabled === undefined ? '' : enabled ? 'yes' : 'no' } };
  }
  if ('reboot' in task) return { reboot: { timeoutMs: task.reboot.timeoutMs ?? LIMITS.rebootTimeoutMs } };
  if ('upgrade' in task) {
    const { release, signatures, contents, onlineWithinMs = LIMITS.onlineWithinMs } = task.upgrade;
    return {
      upgrade: {
        release: decode(release, 'upgrade.release'),
        signatures: signatures.map(({ keyId, signature }) => ({
          keyId: Buffer.from(keyId, 'hex'),
          signature: decode(signature, 'upgrade.signature'),
        })),
        contents: contents.map(contentOf),
        onlineWithinMs,
      },
    };
  }
  if ('uninstall' in task) return { uninstall: { keepPolicy: task.uninstall.keepPolicy ?? false } };
  return { collect: { path: task.collect.path } };
}

function contentOf({ sha512, length, key }: ContentRequest) {
  return { sha512: Buffer.from(sha512, 'hex'), length, key: Buffer.from(key, 'hex') };
}

function decode(base64: string | undefined, what: string): Uint8Array {
  if (base64 === undefined) return new Uint8Array(0);
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) throw new MusterError('bad-request', `${what} is not base64`);
  return bytes;
}

/** A cancel names the job, its order and when that expires; it has no targets of its own. */
export function cancelOrderOf(
  job: { jobId: Uint8Array; orderHash: Uint8Array; expiresAtMs: number },
  fleetId: Uint8Array,
  nowMs: number,
  validMs: number,
): Encodable<OrderMessage> {
  return {
    version: ORDER_VERSION,
    fleetId,
    jobId: job.jobId,
    kind: 'cancel',
    signedAtMs: nowMs,
    notBeforeMs: nowMs - NOT_BEFORE_SLACK_MS,
    expiresAtMs: nowMs + validMs,
    cancel: job,
  };
}
