import { MusterError } from '../../proto/errors.ts';
import type { JobDetail, JobState, RunDetail } from '../api/contract.ts';
import { formatDuration } from './duration.ts';
import { VERDICT } from './exit-status.ts';
import { EXIT, wrongUse } from './failure.ts';
import { findJob } from './job-id.ts';
import { paintFor, plain } from './output/paint.ts';
import { createTerminalText, jsonLine } from './output/sanitise.ts';
import { hosts, renderCounts, renderOutcome } from './output/summary.ts';
import { renderProperties, renderTable } from './output/table.ts';
import { formatTime } from './output/time.ts';
import { formatSize } from './size.ts';
import type { Surroundings } from './surroundings.ts';
import { watchJob } from './watch-job.ts';
import { withClient } from './with-client.ts';

export interface Json {
  json?: boolean;
}

export function ls(
  surroundings: Surroundings,
  options: Json & { limit: number; before?: string; state?: JobState },
): Promise<number> {
  return withClient(surroundings, async (client) => {
    const { limit, state } = options;
    const before = options.before === undefined ? {} : { before: await findJob(client, options.before) };
    const jobs = await client.call('jobs.list', {
      query: { limit, ...before, ...(state === undefined ? {} : { state }) },
    });
    const { stdout, env } = surroundings;
    const rows = jobs.map((job) => [
      job.job.slice(0, 12),
      formatTime(job.createdAtMs),
      job.state,
      String(job.targets),
      renderCounts(job.counts, plain),
      job.actor,
      job.title,
    ]);
    const head = ['JOB', 'STARTED', 'STATE', 'HOSTS', 'RUNS', 'BY', 'COMMAND'];
    stdout.write(
      options.json ? `${jsonLine(jobs)}\n` : renderTable(head, rows, paintFor(stdout.isTerminal, env)),
    );
    return EXIT.ok;
  });
}

export function show(surroundings: Surroundings, id: string, options: Json): Promise<number> {
  return withClient(surroundings, async (client) => {
    const detail = await client.call('jobs.show', { params: { job: await findJob(client, id) } });
    const { stdout, env } = surroundings;
    const paint = paintFor(stdout.isTerminal, env);
    if (options.json) stdout.write(`${jsonLine(detail)}\n`);
    else {
      const rows = detail.runs.map((run) => runRow(run, detail.outputPrunedAtMs !== null));
      stdout.write(`${renderProperties(propertiesOf(detail), paint)}\n`);
      stdout.write(renderTable(['HOST', 'OUTCOME', 'TOOK', 'OUTPUT', 'REASON'], rows, paint));
    }
    return EXIT.ok;
  });
}

function propertiesOf(job: JobDetail): [string, string][] {
  const asked = [
    job.asked.targets === undefined ? '' : `-t ${job.asked.targets}`,
    job.asked.selector === undefined ? '' : `-l '${job.asked.selector}'`,
    job.asked.limit === undefined ? '' : `--limit ${job.asked.limit}`,
  ];
  const end: [string, string][] = job.endedAtMs === null ? [] : [['ended', formatTime(job.endedAtMs)]];
  const reason: [string, string][] = job.reason === null ? [] : [['reason', job.reason]];
  const pruned: [string, string][] =
    job.outputPrunedAtMs === null ? [] : [['output', prunedOn(job.outputPrunedAtMs)]];
  return [
    ['job', job.job],
    ['command', job.title],
    ['state', job.state],
    ['asked for', asked.filter((part) => part !== '').join(' ')],
    ['hosts', `${job.targets}: ${renderCounts(job.counts, plain)}`],
    ['by', job.actor],
    ...reason,
    ['started', formatTime(job.createdAtMs)],
    ...end,
    ...pruned,
  ];
}

function prunedOn(atMs: number): string {
  return `was pruned on ${formatTime(atMs)}; states and outcomes are kept`;
}

function runRow(run: RunDetail, isPruned: boolean): string[] {
  const cut = run.truncated ? ` of ${formatSize(run.outputBytes)}` : '';
  const gone = isPruned && run.storedBytes > 0 ? ' (pruned)' : '';
  return [
    run.agent,
    renderOutcome(run, plain),
    run.durationMs === null ? '' : formatDuration(run.durationMs),
    `${formatSize(run.storedBytes)}${cut}${gone}`,
    run.reason ?? '',
  ];
}

export interface LogsOptions extends Json {
  follow?: boolean;
  after?: number;
  agent?: string;
  fold?: boolean;
}

export function logs(surroundings: Surroundings, id: string, options: LogsOptions): Promise<number> {
  return withClient(surroundings, async (client) => {
    const detail = await client.call('jobs.show', { params: { job: await findJob(client, id) } });
    const runs = options.agent === undefined ? detail.runs : [findRun(detail, options.agent)];
    const [only] = options.agent === undefined ? [] : runs;
    if (detail.outputPrunedAtMs !== null)
      surroundings.stderr.write(`muster: the output of this job ${prunedOn(detail.outputPrunedAtMs)}\n`);
    return watchJob(surroundings, client, {
      job: detail.job,
      targets: runs.map((run) => ({ id: run.agentId, name: run.agent })),
      tasks: detail.tasks,
      // Later events say only what changed after them.
      known:
        (options.after ?? 0) > 0
          ? runs.map((run) => ({ ...run, outcome: VERDICT[run.state] === 'open' ? null : run }))
          : [],
      after: options.after ?? 0,
      outputPrunedAtMs: detail.outputPrunedAtMs,
      ...(only === undefined ? {} : { agentId: only.agentId }),
      follow: options.follow ?? false,
      json: options.json ?? false,
      folded: options.fold ?? false,
    });
  });
}

function findRun(detail: JobDetail, nameOrId: string): RunDetail {
  const run = detail.runs.find(({ agent, agentId }) => agent === nameOrId || agentId === nameOrId);
  if (!run)
    throw new MusterError(
      'no-such-agent',
      `${nameOrId} is none of the ${hosts(detail.runs.length)} of this job`,
    );
  return run;
}

/** The stored bytes of one run, as they were written. */
export function output(
  surroundings: Surroundings,
  id: string,
  agent: string,
  options: { stream?: 'stdout' | 'stderr' },
): Promise<number> {
  return withClient(surroundings, async (client) => {
    const job = await findJob(client, id);
    const query = options.stream === undefined ? {} : { stream: options.stream };
    const { stdout, closed } = surroundings;
    const text = createTerminalText();
    for await (const bytes of await client.open(
      'jobs.output',
      { params: { job, agent }, query },
      { signal: closed },
    )) {
      stdout.write(stdout.isTerminal ? text.push(bytes) : bytes);
      await stdout.settled();
    }
    stdout.write(text.end());
    return EXIT.ok;
  });
}

export function cancel(
  surroundings: Surroundings,
  id: string,
  options: Json & { agent?: string[] },
): Promise<number> {
  return withClient(surroundings, async (client) => {
    const job = await findJob(client, id);
    const agentIds =
      options.agent && (await idsOf(options.agent, () => client.call('jobs.show', { params: { job } })));
    const { cancelled } = await client.call('jobs.cancel', {
      params: { job },
      body: agentIds ? { agentIds } : {},
    });
    const { stdout } = surroundings;
    stdout.write(options.json ? `${jsonLine({ job, cancelled })}\n` : `cancelling on ${hosts(cancelled)}\n`);
    return EXIT.ok;
  });
}

async function idsOf(names: readonly string[], load: () => Promise<JobDetail>): Promise<string[]> {
  if (names.length === 0) throw wrongUse('--agent names nobody');
  const detail = await load();
  return names.map((name) => findRun(detail, name).agentId);
}
