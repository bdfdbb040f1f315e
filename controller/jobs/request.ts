/** What an operator asks for, and what of it becomes an order. Pure. */
import type { Encodable, OrderMessage } from '../../proto/codec.ts';
import { MusterError } from '../../proto/errors.ts';
import { LIMITS } from '../../proto/limits.ts';
import { checkOrder } from '../../proto/validate.ts';
import { ORDER_VERSION } from '../../proto/version.ts';
import { DEFAULTS, type JobTimes } from './due.ts';

export type TaskRequest =
  | { command: { argv: string[] } }
  | { shell: { line: string } }
  | { script: { content: string; args: string[]; name: string } };

export interface Asked {
  targets?: string | undefined;
  selector?: string | undefined;
  limit?: string | undefined;
  seed?: number | undefined;
}

export interface JobRequest extends Asked {
  /** A script's content is base64. */
  task: TaskRequest;
  /** Base64. */
  stdin?: string | undefined;
  timeoutMs?: number | undefined;
  ttlMs?: number | undefined;
  killGraceMs?: number | undefined;
  outputCapBytes?: number | undefined;
  user?: string | undefined;
  cwd?: string | undefined;
  env?: Record<string, string> | undefined;
  reason?: string | undefined;
  idempotencyKey?: string | undefined;
}

export type JobKind = 'command' | 'shell' | 'script';

export function kindOf(task: TaskRequest): JobKind {
  if ('command' in task) return 'command';
  return 'shell' in task ? 'shell' : 'script';
}

const TITLE_CHARS = 200;

/** The task in one line, for lists. */
export function titleOf(task: TaskRequest): string {
  const words =
    'command' in task
      ? task.command.argv
      : 'shell' in task
        ? [task.shell.line]
        : [task.script.name, ...task.script.args];
  const line = words.join(' ');
  return line.length > TITLE_CHARS ? `${line.slice(0, TITLE_CHARS - 1)}…` : line;
}

export function timesOf(request: JobRequest, nowMs: number): JobTimes {
  return {
    expiresAtMs: nowMs + (request.ttlMs ?? DEFAULTS.ttlMs),
    timeoutMs: request.timeoutMs ?? DEFAULTS.timeoutMs,
    killGraceMs: request.killGraceMs ?? DEFAULTS.killGraceMs,
  };
}

/** What is kept of a request for the history: never what may be a secret (standard input, values of variables). */
export function remembered(request: JobRequest): object {
  const { env, stdin, idempotencyKey: _, task, ...rest } = request;
  return {
    ...rest,
    task: 'script' in task ? { script: { name: task.script.name, args: task.script.args } } : task,
    ...(stdin === undefined ? {} : { stdinBytes: Buffer.byteLength(stdin, 'base64') }),
    ...(env === undefined ? {} : { env: Object.keys(env) }),
  };
}

export interface OrderInput {
  fleetId: Uint8Array;
  jobId: Uint8Array;
  targetsRoot: Uint8Array;
  targetsCount: number;
  nowMs: number;
}

/** An agent learns the time from Welcome, which took a moment to travel; its clock may lag that much behind. */
const NOT_BEFORE_SLACK_MS = 60_000;

const NEVER = { policy: 'never', attempts: 1 } as const;

/** Throws MusterError('bad-request') when an agent would refuse the order's shape. */
export function orderOf(request: JobRequest, input: OrderInput): Encodable<OrderMessage> & OrderMessage {
  const times = timesOf(request, input.nowMs);
  const order: OrderMessage = {
    version: ORDER_VERSION,
    fleetId: input.fleetId,
    jobId: input.jobId,
    kind: 'run',
    targetsRoot: input.targetsRoot,
    targetsCount: input.targetsCount,
    signedAtMs: input.nowMs,
    notBeforeMs: input.nowMs - NOT_BEFORE_SLACK_MS,
    expiresAtMs: times.expiresAtMs,
    tasks: [taskOf(request)],
    limits: {
      timeoutMs: times.timeoutMs,
      killGraceMs: times.killGraceMs,
      outputCapBytes: request.outputCapBytes ?? DEFAULTS.outputCapBytes,
      user: request.user ?? '',
      cwd: request.cwd ?? '',
      env: Object.entries(request.env ?? {}).map(([name, value]) => ({ name, value })),
    },
    retry: NEVER,
    reason: request.reason ?? '',
    cancel: null,
  };
  if (times.expiresAtMs - input.nowMs > LIMITS.ttlMaxMs)
    throw new MusterError('bad-request', 'the ttl is too long');
  try {
    checkOrder(order);
  } catch (cause) {
    if (cause instanceof MusterError) throw new MusterError('bad-request', cause.detail, { cause });
    throw cause;
  }
  return order;
}

function taskOf(request: JobRequest): OrderMessage['tasks'][number] {
  const { task } = request;
  const stdin = decode(request.stdin ?? '', 'stdin');
  const none = { name: '', command: null, shell: null, script: null };
  if ('command' in task) return { ...none, command: { argv: task.command.argv, stdin } };
  if ('shell' in task) return { ...none, shell: { line: task.shell.line, stdin } };
  const { content, args, name } = task.script;
  return { ...none, script: { content: decode(content, 'script.content'), args, name, stdin } };
}

function decode(base64: string, what: string): Uint8Array {
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
