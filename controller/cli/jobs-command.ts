import type { JobState } from '../api/contract.ts';
import { VERDICT } from './exit-status.ts';
import { EXIT } from './failure.ts';
import { defined } from './job-body.ts';
import { findJob } from './job-id.ts';
import { findRun } from './job-run.ts';
import { paintFor, plain } from './output/paint.ts';
import { createTerminalText, jsonLine } from './output/sanitise.ts';
import { hosts, renderCounts } from './output/summary.ts';
import { renderTable } from './output/table.ts';
import { formatTime } from './output/time.ts';
import { readSelection, type TargetOptions } from './selection.ts';
import { prunedOn } from './show-job-command.ts';
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

/** The stored bytes of one run, as they were written. */
export function output(
  surroundings: Surroundings,
  id: string,
  agent: string,
  options: { stream?: 'stdout' | 'stderr'; task?: number },
): Promise<number> {
  return withClient(surroundings, async (client) => {
    const job = await findJob(client, id);
    const { stream, task } = options;
    // People count from 1.
    const query = defined({ stream, task: task === undefined ? undefined : task - 1 });
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
  options: Json & Pick<TargetOptions, 'targets' | 'selector'>,
): Promise<number> {
  return withClient(surroundings, async (client) => {
    const job = await findJob(client, id);
    const { targets, selector } = await readSelection(surroundings, options);
    const body = defined({ targets, selector });
    const { cancelled } = await client.call('jobs.cancel', { params: { job }, body });
    const { stdout } = surroundings;
    stdout.write(options.json ? `${jsonLine({ job, cancelled })}\n` : `cancelling on ${hosts(cancelled)}\n`);
    return EXIT.ok;
  });
}
