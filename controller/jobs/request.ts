/** What an operator asks for, and what of it becomes an order. Pure. */
import type { Encodable, OrderMessage } from '../../proto/codec.ts';
import { MusterError } from '../../proto/errors.ts';
import { LIMITS } from '../../proto/limits.ts';
import { checkOrder } from '../../proto/validate-order.ts';
import { ORDER_VERSION } from '../../proto/version.ts';
import { DEFAULTS } from './due.ts';
import type { Named } from './ports.ts';
import { type TaskRequest, type Transaction, titleOf } from './task.ts';
import { contentOf, taskOf } from './task-order.ts';

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
  /** What package tasks apply or revert; then of every target, each named once. */
  transactions?: (Transaction & { agentIds: string[] })[] | undefined;
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

export function timesOf(request: JobRequest): { ttlMs: number; timeoutMs: number; killGraceMs: number } {
  return {
    ttlMs: request.ttlMs ?? DEFAULTS.ttlMs,
    timeoutMs: request.timeoutMs ?? DEFAULTS.timeoutMs,
    killGraceMs: request.killGraceMs ?? DEFAULTS.killGraceMs,
  };
}

/** How much longer than its timeout a run may take: until what may be taken back counts, or was taken back in the time of a run. */
export function undoMs({ tasks, ...request }: Pick<JobRequest, 'tasks' | 'timeoutMs'>): number {
  const { timeoutMs = DEFAULTS.timeoutMs } = request;
  return tasks.reduce(
    (sum, { undo }) => (undo ? sum + undo.withinMs + LIMITS.undoFairMs + timeoutMs : sum),
    0,
  );
}

/** The job in one line, for lists. */
export function titleOfJob({ title, tasks }: Pick<JobRequest, 'title' | 'tasks'>): string {
  return title ?? titleOf(tasks);
}

/** Who was asked for, as on a command line. */
export function describeAsked(request: Asked): string {
  return [
    request.targets && `-t ${request.targets}`,
    request.selector && `-l ${request.selector}`,
    request.limit && `--limit ${request.limit}`,
    request.failedOf && `--failed-of ${request.failedOf}`,
    request.states && `--state ${request.states}`,
  ]
    .filter(Boolean)
    .join(' ');
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
