import { type Backoff, fullJitterMs } from '../../proto/backoff.ts';
import { delay } from '../../proto/clock.ts';
import { ERRORS, MusterError } from '../../proto/errors.ts';
import { toHex } from '../../proto/ids.ts';
import type { JobCreated, TargetQuery, TaskBody } from '../api/contract.ts';
import { type Client, wasCut } from './client.ts';
import { EXIT, Failure } from './failure.ts';
import { type JobOptions, jobBody, selectionOf } from './job-body.ts';
import { paintFor } from './output/paint.ts';
import { jsonLine } from './output/sanitise.ts';
import { hosts, listNames } from './output/summary.ts';
import { renderTable } from './output/table.ts';
import { atMost, resolve, wholeSelection } from './selection.ts';
import { createJob, signingKey } from './signing/create-job.ts';
import type { Surroundings } from './surroundings.ts';
import { type ShowJob, watchJob } from './watch-job.ts';
import { withClient } from './with-client.ts';

/** More hosts than this are confirmed once, at a terminal. */
export const CONFIRM_ABOVE = 50;

export type MakeOptions = Pick<JobOptions, 'yes' | 'idempotencyKey' | 'json' | 'detach' | 'fold'>;

/** `--list`: who would be meant, and nothing else. */
function list(surroundings: Surroundings, options: JobOptions): Promise<number> {
  return withClient(surroundings, async (client) => {
    return showTargets(surroundings, client, await selectionOf(surroundings, options), options);
  });
}

/** Tasks, or how to make them where that takes the controller: it is done once somebody is meant and nobody objects. */
export type Tasks = readonly TaskBody[] | ((client: Client) => Promise<readonly TaskBody[]>);
export async function showTargets(
  { stdout, env }: Surroundings,
  client: Client,
  selection: TargetQuery,
  options: { json?: boolean },
): Promise<number> {
  const targets = await resolve(client, await wholeSelection(client, selection));
  if (targets.length === 0) throw new MusterError('nobody-matched');
  if (options.json) {
    stdout.write(`${jsonLine(targets)}\n`);
    return EXIT.ok;
  }
  const rows = targets.map(({ name, online }) => [name, online ? 'online' : 'offline']);
  stdout.write(renderTable(['NAME', 'STATE'], rows, paintFor(stdout.isTerminal, env)));
  return EXIT.ok;
}

/**
 * What every command that makes a job does: who is meant, once asked where they are many, then the job and its view.
 * `tasksOf` is not called for `--list`; `show` takes the place of the usual view.
 */
export async function dispatch(
  surroundings: Surroundings,
  options: JobOptions,
  tasksOf: () => Promise<Tasks>,
  show?: ShowJob,
): Promise<number> {
  if (options.list) return list(surroundings, options);
  const tasks = await tasksOf();
  const asked = await selectionOf(surroundings, options);
  const ready = jobBody(asked, typeof tasks === 'function' ? [] : tasks, options);
  return withClient(surroundings, async (client) => {
    const selection = await wholeSelection(client, asked);
    const key = await signingKey(surroundings, options);
    const create = async (idempotencyKey: string): Promise<JobCreated> => {
      if (typeof tasks === 'function' && (await resolve(client, selection)).length === 0)
        throw new MusterError('nobody-matched');
      const made = typeof tasks === 'function' ? { tasks: [...(await tasks(client))] } : {};
      const body = { ...ready, ...made, ...selection };
      return createJob(surroundings, client, body, { ...options, idempotencyKey, key });
    };
    // What was uploaded is there: a controller that restarts just then is no reason to begin anew.
    return make(surroundings, client, selection, options, create, {
      show,
      insist: typeof tasks === 'function',
    });
  });
}

/** Makes a job, once asked where many are meant, and shows it until it is over or the operator leaves it. */
export async function make(
  surroundings: Surroundings,
  client: Client,
  selection: TargetQuery,
  options: MakeOptions,
  create: (idempotencyKey: string) => Promise<JobCreated>,
  { show, insist = false }: { show?: ShowJob | undefined; insist?: boolean } = {},
): Promise<number> {
  if (!options.yes && !(await confirmed(surroundings, client, selection))) {
    surroundings.stderr.write('muster: nothing was done\n');
    return EXIT.wrongUse;
  }
  // With a key of our own a request whose answer was lost can be sent again: it makes no second job.
  const key = options.idempotencyKey ?? toHex(surroundings.random(16));
  const { job, targets, tasks, created } = await madeSurely(surroundings, key, () => create(key), insist);
  const json = options.json ?? false;
  if (options.detach) {
    surroundings.stdout.write(
      json ? `${jsonLine({ event: 'summary', job, counts: { queued: targets.length } })}\n` : `${job}\n`,
    );
    return EXIT.ok;
  }
  if (!created && options.idempotencyKey !== undefined)
    surroundings.stderr.write(
      `muster: this idempotency key made job ${job.slice(0, 12)} earlier; showing that one\n`,
    );
  return watchJob(surroundings, client, { job, targets, tasks, json, folded: options.fold ?? false, show });
}

const BACKOFF: Backoff = { baseMs: 250, capMs: 3000 };
/** A controller that restarts is back long before. */
const INSIST_MS = 60_000;

/** A job whose request was cut off may be there: it is asked for again, with the same key, until the controller says which job it is. */
async function madeSurely(
  { clock, random, stderr }: Surroundings,
  key: string,
  create: () => Promise<JobCreated>,
  insist: boolean,
): Promise<JobCreated> {
  const startMs = clock.monotonicMs();
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await create();
    } catch (error) {
      if (attempt === 0 && !insist && !wasCut(error)) throw error;
      if (!(error instanceof MusterError) || !ERRORS[error.code].retryable) throw error;
      if (attempt === 0)
        stderr.write('muster: the connection broke before the answer; asking the controller again\n');
      if (clock.monotonicMs() - startMs > INSIST_MS)
        throw new Failure(
          EXIT.refused,
          `${error.message}; whether the job was made is not known`,
          `the same command with --idempotency-key ${key} finds it, and makes it only where it is not there`,
          { cause: error },
        );
      await delay(clock, fullJitterMs(BACKOFF, attempt, random));
    }
  }
}

async function confirmed(surroundings: Surroundings, client: Client, query: TargetQuery): Promise<boolean> {
  const { stdin, stderr } = surroundings;
  if (!stdin.isTerminal || !stderr.isTerminal || atMost(query) <= CONFIRM_ABOVE) return true;
  const meant = await resolve(client, query);
  if (meant.length <= CONFIRM_ABOVE) return true;
  stderr.write(
    `This is for ${hosts(meant.length)}: ${listNames(
      meant.map(({ name }) => name),
      8,
    )}\n`,
  );
  return /^y(es)?$/i.test((await surroundings.ask('Go on? [y/N] ')).trim());
}
