import { MusterError } from '../../proto/errors.ts';
import { toHex } from '../../proto/ids.ts';
import type { JobCreated, TargetQuery, TaskBody } from '../api/contract.ts';
import type { Client } from './client.ts';
import { EXIT } from './failure.ts';
import { type JobOptions, jobBody, selectionOf } from './job-body.ts';
import { madeSurely } from './made-surely.ts';
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
  const { job, targets, tasks, created } = await madeSurely(surroundings, { what: 'job', key, insist }, () =>
    create(key),
  );
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

async function confirmed(surroundings: Surroundings, client: Client, query: TargetQuery): Promise<boolean> {
  if (atMost(query) <= CONFIRM_ABOVE || !canAsk(surroundings)) return true;
  const meant = await resolve(client, query);
  return goOn(
    surroundings,
    meant.map(({ name }) => name),
  );
}

function canAsk({ stdin, stderr }: Surroundings): boolean {
  return stdin.isTerminal && stderr.isTerminal;
}

/** Asks whether it shall be done to so many, at a terminal. */
export async function goOn(surroundings: Surroundings, names: readonly string[]): Promise<boolean> {
  if (names.length <= CONFIRM_ABOVE || !canAsk(surroundings)) return true;
  surroundings.stderr.write(`This is for ${hosts(names.length)}: ${listNames(names, 8)}\n`);
  return /^y(es)?$/i.test((await surroundings.ask('Go on? [y/N] ')).trim());
}
