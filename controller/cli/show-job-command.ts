import type { JobDetail, RunDetail } from '../api/contract.ts';
import { formatDuration } from './duration.ts';
import { VERDICT } from './exit-status.ts';
import { EXIT } from './failure.ts';
import { findJob } from './job-id.ts';
import { findRun } from './job-run.ts';
import { type Paint, paintFor, plain } from './output/paint.ts';
import { reasonOf } from './output/reason.ts';
import { jsonLine } from './output/sanitise.ts';
import { explainUnknown, gapNotes, hosts, renderCounts, renderOutcome } from './output/summary.ts';
import { renderProperties, renderTable } from './output/table.ts';
import { renderTaskCounts, renderTaskLines } from './output/task-results.ts';
import { formatTime } from './output/time.ts';
import { formatSize } from './size.ts';
import type { Surroundings } from './surroundings.ts';
import { withClient } from './with-client.ts';

/** `muster jobs show`: a job, what became of it on each host, and of each of its tasks. */
export function showJob(
  surroundings: Surroundings,
  id: string,
  options: { json?: boolean; agent?: string },
): Promise<number> {
  return withClient(surroundings, async (client) => {
    const whole = await client.call('jobs.show', { params: { job: await findJob(client, id) } });
    const detail = options.agent === undefined ? whole : { ...whole, runs: [findRun(whole, options.agent)] };
    const { stdout, env } = surroundings;
    stdout.write(
      options.json ? `${jsonLine(detail)}\n` : renderJob(detail, paintFor(stdout.isTerminal, env)),
    );
    return EXIT.ok;
  });
}

function renderJob(job: JobDetail, paint: Paint): string {
  const rows = job.runs.map((run) => runRow(run, job.outputPrunedAtMs !== null));
  const head = ['HOST', 'OUTCOME', 'TOOK', 'OUTPUT', 'REASON'];
  const after = [...taskLines(job, paint), ...explainUnknown(job.counts, job.job)];
  return [
    `${renderProperties(propertiesOf(job), paint)}\n`,
    renderTable(head, rows, paint),
    ...(after.length === 0 ? [] : [`\n${after.join('\n')}\n`]),
  ].join('');
}

/** One host's tasks with all that is known of them, several hosts' counted. */
function taskLines({ tasks, runs }: JobDetail, paint: Paint): string[] {
  if (tasks.length < 2) return [];
  const [only, ...more] = runs;
  if (only && more.length === 0) return renderTaskLines(tasks, only.tasks, paint);
  const named = runs.map((run) => ({ name: run.agent, tasks: run.tasks }));
  return renderTaskCounts(tasks, named, paint);
}

function propertiesOf(job: JobDetail): [string, string][] {
  const asked = [
    job.asked.targets === undefined ? '' : `-t ${job.asked.targets}`,
    job.asked.selector === undefined ? '' : `-l '${job.asked.selector}'`,
    job.asked.limit === undefined ? '' : `--limit ${job.asked.limit}`,
    job.asked.failedOf === undefined ? '' : `--failed-of ${job.asked.failedOf}`,
    job.asked.states === undefined ? '' : `--state ${job.asked.states}`,
  ];
  const pace: [string, string][] = job.pace === null ? [] : [['pace', paceText(job.pace)]];
  const end: [string, string][] = job.endedAtMs === null ? [] : [['ended', formatTime(job.endedAtMs)]];
  const reason: [string, string][] = job.reason === null ? [] : [['reason', job.reason]];
  const pruned: [string, string][] =
    job.outputPrunedAtMs === null ? [] : [['output', prunedOn(job.outputPrunedAtMs)]];
  const retry: [string, string][] = job.retryOf === null ? [] : [['does again', job.retryOf]];
  return [
    ['job', job.job],
    ['command', job.title],
    ['state', job.state],
    ['asked for', asked.filter((part) => part !== '').join(' ')],
    ['hosts', `${job.targets}: ${renderCounts(job.counts, plain)}`],
    ['by', job.actor],
    ...reason,
    ...retry,
    ...pace,
    ['started', formatTime(job.createdAtMs)],
    ...end,
    ...pruned,
  ];
}

function paceText({ batch, maxFailures, waiting }: NonNullable<JobDetail['pace']>): string {
  return [
    batch === null ? '' : `${batch} at once`,
    maxFailures === null ? '' : `at most ${maxFailures} may fail`,
    waiting === 0 ? '' : `${hosts(waiting)} whose turn has not come`,
  ]
    .filter((part) => part !== '')
    .join(', ');
}

export function prunedOn(atMs: number): string {
  return `was pruned on ${formatTime(atMs)}; states and outcomes are kept`;
}

function runRow(run: RunDetail, isPruned: boolean): string[] {
  const cut = run.truncated ? ` of ${formatSize(run.outputBytes)}` : '';
  const gone = isPruned && run.storedBytes > 0 ? ' (pruned)' : '';
  const isOpen = VERDICT[run.state] === 'open';
  const again = run.attempt > 1 ? ` (attempt ${run.attempt})` : '';
  return [
    run.agent,
    `${renderOutcome(run, plain)}${run.change === null || run.state !== 'succeeded' ? '' : `, ${run.change === 'would-change' ? 'would change' : run.change}`}${again}`,
    run.durationMs === null ? '' : formatDuration(run.durationMs),
    isOpen ? '' : `${formatSize(run.storedBytes)}${cut}${gone}`,
    isOpen
      ? whereabouts(run)
      : [reasonOf(run) ?? '', ...gapNotes(run)].filter((part) => part !== '').join('; '),
  ];
}

/** Of a run that is not over: since when its agent is away, or when it last said something. */
function whereabouts({ state, online, lastSeenMs, wordAtMs, turnAtMs }: RunDetail): string {
  if (state === 'queued' && turnAtMs === null) return 'its turn has not come';
  if (!online)
    return lastSeenMs === null
      ? 'its agent never connected'
      : `its agent is offline since ${formatTime(lastSeenMs)}`;
  return wordAtMs === null ? '' : `last word ${formatTime(wordAtMs)}`;
}
