import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OutputQuery } from '../../../controller/api/job-messages.ts';
import { openOutput } from '../../../controller/api/output.ts';
import type { RunEvent } from '../../../controller/api/verbs.ts';

/** `AAbbbBcC`: upper case is standard output; cut where frames were cut. */
const PIECES: [stream: 'stdout' | 'stderr', text: string][] = [
  ['stdout', 'AA'],
  ['stderr', 'bbb'],
  ['stdout', 'B'],
  ['stderr', 'c'],
  ['stdout', 'C'],
];

const TASK = {
  state: 'succeeded',
  exitCode: 0,
  signal: null,
  durationMs: 1,
  change: null,
  reason: null,
  code: null,
} as const;
const TASKS = [
  { ...TASK, index: 0, outputFrom: 0, outputTo: 1 },
  { ...TASK, index: 1, outputFrom: 1, outputTo: 4 },
  { ...TASK, index: 2, outputFrom: 4, outputTo: 4 },
  { ...TASK, index: 3, outputFrom: 4, outputTo: 8 },
];

async function outputOf(query: OutputQuery, tasks = TASKS): Promise<string> {
  let position = 0;
  const events = PIECES.map(([stream, text], index): RunEvent => {
    const at = position;
    position += text.length;
    const of = { agentId: 'a', attempt: 1, stream, offset: 0, atMs: 1 };
    return { kind: 'output', seq: index + 1, ...of, position: at, data: Buffer.from(text) };
  });
  const jobs = {
    progress: async () =>
      ({ attempt: 1, tasks, state: 'succeeded', storedBytes: 0, outputPrunedAtMs: null }) as const,
    events: async (_: string, after: number) => ({ events: events.slice(after), over: true }),
  };
  const pieces: Uint8Array[] = [];
  for await (const piece of await openOutput(jobs, { jobId: 'j', agentId: 'a', ...query }))
    pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

test('the output of a run is all of it, or what one stream, one task or both wrote, byte for byte', async () => {
  const table: [OutputQuery, string][] = [
    [{}, 'AAbbbBcC'],
    [{ stream: 'stderr' }, 'bbbc'],
    [{ task: 0 }, 'A'],
    [{ task: 1 }, 'Abb'],
    [{ task: 2 }, ''],
    [{ task: 3 }, 'bBcC'],
    [{ task: 3, stream: 'stdout' }, 'BC'],
  ];
  for (const [query, text] of table) assert.equal(await outputOf(query), text, JSON.stringify(query));
});

test('what a task wrote is not guessed while nobody knows it', async () => {
  await assert.rejects(outputOf({ task: 1 }, []), {
    code: 'not-found',
    detail: 'what task 2 wrote is known once its run has ended',
  });
});
