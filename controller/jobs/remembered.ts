/** What the history keeps of a request, and what of it can be asked for again. Pure. */
import { MusterError } from '../../proto/errors.ts';
import type { JobRequest } from './request.ts';
import type { TaskRequest } from './task.ts';

/** Never what may be a secret: standard input, contents and their keys, values of variables. */
export function remembered(request: JobRequest): object {
  const { env, idempotencyKey: _, tasks, transactions, ...rest } = request;
  return {
    ...rest,
    ...(transactions === undefined
      ? {}
      : { transactions: transactions.flatMap(({ agentIds }) => agentIds).length }),
    tasks: tasks.map(rememberedTask),
    ...(env === undefined ? {} : { env: Object.keys(env) }),
  };
}

function rememberedTask(task: TaskRequest): object {
  return JSON.parse(
    JSON.stringify(task, (key, value: unknown) => {
      if (key === 'key') return undefined;
      if (typeof value !== 'string') return value;
      if (key === 'stdin' || key === 'inline' || (key === 'content' && 'script' in task))
        return { bytes: Buffer.byteLength(value, 'base64') };
      return value;
    }),
  ) as object;
}

/** As it is read from the history. */
export interface Kept extends Omit<JobRequest, 'tasks' | 'env' | 'transactions'> {
  tasks: object[];
  env?: string[];
  /** How many hosts had one of their own. */
  transactions?: number;
}

/** Digests of the large contents that it names. */
export function digestsIn(kept: Pick<Kept, 'tasks'>): string[] {
  const digests: string[] = [];
  JSON.stringify(kept.tasks, (_, value: unknown) => {
    if (isContent(value)) digests.push(value.sha512);
    return value;
  });
  return digests;
}

/**
 * The request once more, without whom it was for. `keys` has those of the contents that are still here. Throws
 * MusterError('retry-incomplete') where it needs what is not kept.
 */
export function recalled(
  kept: Kept,
  keys: ReadonlyMap<string, string>,
): Omit<JobRequest, 'targets' | 'selector' | 'limit' | 'seed' | 'failedOf' | 'states' | 'idempotencyKey'> {
  const missing: string[] = [];
  const {
    tasks,
    env = [],
    transactions = 0,
    targets,
    selector,
    limit,
    seed,
    failedOf,
    states,
    retryOf,
    ...rest
  } = kept;
  if (transactions > 0) missing.push('the versions of each host');
  if (env.length > 0) missing.push(`the values of ${env.join(', ')}`);
  const whole = tasks.map((task, at) =>
    wholeTask(task, keys, (what) => missing.push(`${what} of task ${at + 1}`)),
  );
  if (missing.length > 0) throw new MusterError('retry-incomplete', missing.join('; '));
  return { ...rest, tasks: whole };
}

const WORDS: Readonly<Record<string, string>> = {
  stdin: 'the standard input',
  content: 'the script',
  inline: 'the content of the file',
};

function wholeTask(
  task: object,
  keys: ReadonlyMap<string, string>,
  onMissing: (what: string) => void,
): TaskRequest {
  return JSON.parse(JSON.stringify(task), (name, value: unknown) => {
    if (isContent(value)) {
      const key = keys.get(value.sha512);
      if (key === undefined) onMissing(`the content ${value.sha512.slice(0, 16)}…`);
      return { ...value, key };
    }
    if (!isCounted(value) || WORDS[name] === undefined) return value;
    if (value.bytes > 0) onMissing(WORDS[name]);
    return '';
  }) as TaskRequest;
}

function isContent(value: unknown): value is { sha512: string; length: number } {
  return typeof value === 'object' && value !== null && 'sha512' in value;
}

function isCounted(value: unknown): value is { bytes: number } {
  return typeof value === 'object' && value !== null && 'bytes' in value;
}
