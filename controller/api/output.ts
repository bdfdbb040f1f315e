import { MusterError } from '../../proto/errors.ts';
import { type HistoryRequest, openHistory } from './history.ts';
import type { OutputQuery } from './job-messages.ts';
import type { JobVerbs, RunEvent } from './verbs.ts';

/**
 * The bytes that one run has written so far, in the order in which the agent read them, or those of one of its streams or tasks. Of
 * a run that was begun anew, those of its last attempt. Throws, before the first piece, what the first page throws, and not-found
 * where nobody knows yet which part of the output is the task's.
 */
export async function openOutput(
  jobs: Pick<JobVerbs, 'events' | 'progress'>,
  request: Omit<HistoryRequest, 'after'> & { agentId: string } & OutputQuery,
): Promise<AsyncGenerator<Uint8Array>> {
  const { attempt, tasks } = await jobs.progress(request.jobId, request.agentId);
  const part = partOf(tasks, request.task);
  const history = openHistory(jobs, { ...request, after: 0 });
  const first = await history.next();
  return (async function* () {
    for (let page = first; ; page = await history.next()) {
      for (const event of page.events) {
        if (event.kind !== 'output' || event.attempt !== attempt) continue;
        if (event.position >= part.to) return;
        if (request.stream !== undefined && event.stream !== request.stream) continue;
        const bytes = within(event, part);
        if (bytes.length > 0) yield bytes;
      }
      if (!page.more) return;
    }
  })();
}

interface Part {
  from: number;
  to: number;
}

function partOf(
  tasks: readonly { index: number; outputFrom: number; outputTo: number }[],
  index: number | undefined,
): Part {
  if (index === undefined) return { from: 0, to: Number.POSITIVE_INFINITY };
  const task = tasks.find((one) => one.index === index);
  if (!task)
    throw new MusterError('not-found', `what task ${index + 1} wrote is known once its run has ended`);
  return { from: task.outputFrom, to: task.outputTo };
}

function within({ position, data }: Extract<RunEvent, { kind: 'output' }>, { from, to }: Part): Uint8Array {
  return data.subarray(Math.max(0, from - position), Math.max(0, to - position));
}
