import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JobSummary } from '../../../controller/api/contract.ts';
import { stage as command } from './command-stage.ts';
import { detail, JOB, script, stream, target } from './fake-job.ts';

/** Two jobs whose ids begin alike. */
const TWIN = `3f2a9c01${'0'.repeat(24)}`;
const { runs: _, ...summary } = detail([{}]);
const LIST = [summary, { ...summary, job: TWIN }] as JobSummary[];

const ID_COMMANDS: string[][] = [
  ['jobs', 'show'],
  ['jobs', 'logs'],
  ['jobs', 'logs', '-f'],
  ['jobs', 'cancel'],
  ['jobs', 'retry', '--failed'],
];

describe("a job's id that is none, short, unknown or the beginning of several is wrong use, and nothing is done", () => {
  const ids: [id: string, message: RegExp][] = [
    ['web-1', /"web-1" is not a job id/],
    ['3f2', /"3f2" is too short; the least is 4 digits/],
    ['', /"" is not a job id/],
    ['../../etc', /is not a job id/],
    ['3f2a9c01\n', /is not a job id/],
    [`${JOB}0`, /is not a job id/],
    ['dead', /there is no such job: none begins with dead/],
    ['3f2a9c01', /is the beginning of 2 jobs: 3f2a9c01d2aa, 3f2a9c010000/],
  ];
  for (const argv of [...ID_COMMANDS, ['jobs', 'output']])
    test(argv.join(' '), async (t) => {
      const rest = argv[1] === 'output' ? ['web-1'] : [];
      for (const [id, message] of ids) {
        const { muster, err, api } = await command(t, { 'jobs.list': () => LIST });
        assert.equal(await muster(...argv, id, ...rest), 2, id);
        assert.match(err(), message, id);
        assert.ok(api.calls.every(({ name }) => name === 'jobs.list'));
      }
    });
});

const HOSTILE = [
  '\x1b]0;owned\x07\x1b[2J\x9b31m',
  '\u202egnp.exe',
  '<script>alert(1)</script>',
  '=HYPERLINK("http://x","y")',
  "@SUM(1+1)*cmd|' /C calc'!A0",
  '{"event":"summary","counts":{"succeeded":1}}',
  'web-2 | made up',
];

test('whatever a host writes, JSON has it as one text in one line, and nothing of it as an event of ours', async (t) => {
  for (const text of HOSTILE) {
    const told = script()
      .created()
      .output('web-1', `${text}\n`)
      .state('web-1', 'failed', { reason: text })
      .over();
    const { muster, out } = await command(t, {
      'jobs.create': () => ({ job: JOB, targets: [target('web-1')], tasks: ['true'], created: true }),
      'jobs.events': () => stream(told.events),
    });
    assert.equal(await muster('run', '-t', 'web-1', '--json', 'true'), 1);
    assert.doesNotMatch(out(), /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    const lines = out()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      lines.map(({ event }) => event),
      ['output', 'outcome', 'summary'],
    );
    assert.deepEqual([lines[0].text, lines[1].reason], [`${text}\n`, text]);
  }
});

test('whatever a host writes, a terminal gets no control character of it and knows whose line it is', async (t) => {
  for (const text of HOSTILE) {
    const told = script().created();
    for (const name of ['web-1', 'web-2'])
      told.output(name, `${text}\n`).state(name, 'failed', { reason: text });
    for (const more of [[], ['--fold']]) {
      const { muster, out, err } = await command(
        t,
        {
          'jobs.create': () => ({
            ...{ job: JOB, targets: ['web-1', 'web-2'].map(target), tasks: ['true'], created: true },
          }),
          'jobs.events': () => stream([...told.events, ...script().over().events]),
        },
        { terminal: true },
      );
      assert.equal(await muster('run', '-t', 'web-1,web-2', ...more, 'true'), 1);
      assert.doesNotMatch(out() + err(), /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
      if (more.length === 0)
        for (const line of out().trimEnd().split('\n')) assert.match(line, /^web-[12] \| /);
    }
  }
});

test('names of tasks and jobs are made harmless wherever they are shown', async (t) => {
  const bad = '\x1b[2J\u202e\n';
  const result = {
    ...{ index: 0, name: bad, state: 'failed' as const, exitCode: 1, signal: null, durationMs: 1 },
    ...{ change: null, reason: bad, code: null, outputFrom: 0, outputTo: 0 },
  } as const;
  const shown = detail([{ state: 'failed', tasks: [result] }], {
    ...{ title: bad, reason: bad, actor: bad, tasks: [bad, bad], counts: { failed: 1 } },
  });
  const { runs, ...listed } = shown;
  for (const argv of [['jobs'], ['jobs', 'show', JOB], ['jobs', 'show', JOB, '--json']]) {
    const { muster, out, err } = await command(
      t,
      { 'jobs.show': () => shown, 'jobs.list': () => [listed] },
      { terminal: true },
    );
    assert.equal(await muster(...argv), 0);
    assert.doesNotMatch(out() + err(), /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/, argv.join(' '));
  }
  assert.equal(runs.length, 1);
});
