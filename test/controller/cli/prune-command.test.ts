import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stage } from './command-stage.ts';
import { detail, JOB, script, stream } from './fake-job.ts';

const DAY_MS = 86_400_000;
const MIB = 1024 * 1024;

test('prune says what it removed, and asks again until all of it is gone', async (t) => {
  const answers = [
    { jobs: 3, outputBytes: 2 * MIB, more: true },
    { jobs: 1, outputBytes: MIB, more: false },
  ];
  const { muster, out, api } = await stage(t, { 'jobs.prune': () => answers.shift() });
  assert.equal(await muster('jobs', 'prune', '--older-than', '30d'), 0);
  assert.equal(out(), 'removed 3 jobs, 2 MiB of output\n');
  const body = { olderThanMs: 30 * DAY_MS, outputOnly: false, dryRun: false };
  assert.deepEqual(
    api.calls.map((call) => call.body),
    [body, body],
  );
});

test('prune of output and a dry run say so, in words and as JSON; ages are those of a controller where not said', async (t) => {
  const reply = { jobs: 1, outputBytes: 5, more: false };
  const { muster, out, api } = await stage(t, { 'jobs.prune': () => reply });
  assert.equal(await muster('jobs', 'prune', '--output-only', '--dry-run'), 0);
  assert.equal(out(), 'would remove the output of 1 job, 5 B of output\n');
  const { muster: again, json } = await stage(t, { 'jobs.prune': () => reply });
  assert.equal(await again('jobs', 'prune', '--json'), 0);
  assert.deepEqual(json(), { jobs: 1, outputBytes: 5, outputOnly: false, dryRun: false });
  assert.deepEqual(api.calls[0]?.body, { olderThanMs: 30 * DAY_MS, outputOnly: true, dryRun: true });
  assert.equal(await muster('jobs', 'prune', '--older-than', '30'), 2, 'tools disagree on a bare number');
});

test('pruned output is told wherever it would have been shown, and never looks like none', async (t) => {
  const told = script().created().state('web-1', 'running').state('web-1', 'succeeded', {}).over();
  const shown = detail([{ agent: 'web-1', storedBytes: 2048, outputBytes: 2048 }, { agent: 'db-1' }], {
    outputPrunedAtMs: new Date(2026, 10, 27, 14, 2, 7).getTime(),
  });
  const handlers = { 'jobs.show': () => shown, 'jobs.events': () => stream(told.events) };
  const show = await stage(t, handlers);
  assert.equal(await show.muster('jobs', 'show', JOB), 0);
  assert.match(show.out(), /^output +was pruned on 2026-11-27 14:02:07; states and outcomes are kept$/m);
  assert.match(show.out(), /^web-1 .* 2 KiB \(pruned\)$/m);
  assert.match(show.out(), /^db-1 .* 0 B$/m);
  const logs = await stage(t, handlers);
  assert.equal(await logs.muster('jobs', 'logs', JOB), 0);
  assert.match(logs.err(), /^muster: the output of this job was pruned on 2026-11-27 14:02:07/m);
  const json = await stage(t, handlers);
  assert.equal(await json.muster('jobs', 'logs', JOB, '--json'), 0);
  const summary = JSON.parse(json.out().trimEnd().split('\n').at(-1) ?? '');
  assert.equal(summary.outputPrunedAtMs, shown.outputPrunedAtMs);
});
