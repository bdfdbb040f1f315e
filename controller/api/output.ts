import { type HistoryRequest, openHistory } from './history.ts';
import type { JobVerbs } from './verbs.ts';

/**
 * The bytes that one run has written so far, in the order in which the agent read them, or those of one of its streams. Of a
 * run that was begun anew, those of its last attempt. Throws, before the first piece, what the first page throws.
 */
export async function openOutput(
  jobs: Pick<JobVerbs, 'events' | 'attempt'>,
  request: Omit<HistoryRequest, 'after'> & { agentId: string; stream?: 'stdout' | 'stderr' },
): Promise<AsyncGenerator<Uint8Array>> {
  const attempt = await jobs.attempt(request.jobId, request.agentId);
  const history = openHistory(jobs, { ...request, after: 0 });
  const first = await history.next();
  return (async function* () {
    for (let page = first; ; page = await history.next()) {
      for (const event of page.events) {
        if (event.kind !== 'output' || event.data.length === 0 || event.attempt !== attempt) continue;
        if (request.stream === undefined || event.stream === request.stream) yield event.data;
      }
      if (!page.more) return;
    }
  })();
}
