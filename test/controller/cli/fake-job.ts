import type {
  JobDetail,
  Outcome,
  RunDetail,
  RunState,
  StreamEvents,
  TaskResult,
} from '../../../controller/api/contract.ts';
import { sse } from './fake-api.ts';

export const JOB = '3f2a9c01d2aa4b5c8d7e6f5041322314';
export const agentId = (name: string): string =>
  Buffer.from(name).toString('hex').padEnd(32, '0').slice(0, 32);
export const target = (name: string) => ({ name, id: agentId(name), online: true });

export const OUTCOME: Outcome = {
  ...{ exitCode: 0, signal: null, durationMs: 12, outputBytes: 0, storedBytes: 0, truncated: false },
  ...{ reason: null, code: null, awaySinceMs: null, gaps: [] },
};

/** The events of a job, numbered from 1. */
export function script() {
  const events: string[] = [];
  const offsets = new Map<string, number>();
  const add = <T extends keyof StreamEvents>(type: T, data: StreamEvents[T]): void => {
    events.push(sse(events.length + 1, type, data));
  };
  const told = {
    events,
    created() {
      add('job', { what: 'created', by: 'kim', atMs: 1000 });
      return told;
    },
    output(name: string, bytes: string | Uint8Array, stream: 'stdout' | 'stderr' = 'stdout') {
      const data = Buffer.from(bytes);
      const offset = offsets.get(name + stream) ?? 0;
      offsets.set(name + stream, offset + data.length);
      const where = { agentId: agentId(name), attempt: 1, stream, offset, position: offset };
      add('output', { ...where, base64: data.toString('base64'), atMs: 2000 });
      return told;
    },
    state(name: string, state: RunState, outcome?: Partial<Outcome>, tasks: TaskResult[] = []) {
      const ended = outcome === undefined ? null : { ...OUTCOME, ...outcome };
      const of = { agentId: agentId(name), attempt: 1, atMs: 3000 };
      add('state', { ...of, state, task: null, outcome: ended, tasks });
      return told;
    },
    over() {
      add('job', { what: 'ended', by: null, atMs: 5230 });
      events.push(sse(0, 'end', { why: 'over', after: events.length }));
      return told;
    },
  };
  return told;
}

export async function* stream(events: readonly string[]): AsyncGenerator<string> {
  yield 'retry: 2000\n\n';
  yield* events;
}

export function detail(runs: Partial<RunDetail>[], more: Partial<JobDetail> = {}): JobDetail {
  return {
    ...{
      job: JOB,
      state: 'over',
      kind: 'command',
      title: 'uname -a',
      targets: runs.length,
      counts: {},
      actor: 'kim',
    },
    ...{
      reason: null,
      createdAtMs: 1000,
      expiresAtMs: 16_000,
      endedAtMs: 5230,
      outputPrunedAtMs: null,
      asked: { targets: 'all' },
      timeoutMs: 3_600_000,
      tasks: ['uname -a'],
      retryOf: null,
      pace: null,
    },
    runs: runs.map((run) => ({
      ...OUTCOME,
      ...{ agent: 'web-1', agentId: agentId(run.agent ?? 'web-1'), state: 'succeeded', attempt: 1 },
      ...{ task: null, tasks: [], change: null, turnAtMs: 1000, sendByMs: null },
      ...{ online: true, lastSeenMs: 6000, wordAtMs: 3000 },
      ...{ sentAtMs: null, acceptedAtMs: null, startedAtMs: null, endedAtMs: null },
      ...run,
    })),
    ...more,
  };
}
