import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { temporaryFolder } from '../support/folder.ts';
import { requires } from '../support/requires.ts';
import { until } from '../support/until.ts';
import { lines, lives, MUSTER_AGENT, start, startFleet, type TestFleet } from './fleet.ts';

interface OutputEvent {
  event: 'output';
  agent: string;
  stream: 'stdout' | 'stderr';
  offset: number;
  text?: string;
  base64?: string;
}
interface OutcomeEvent {
  event: 'outcome';
  agent: string;
  state: string;
  exitCode: number | null;
  signal: string | null;
  durationMs: number | null;
  outputBytes: number;
  truncated: boolean;
  reason: string | null;
}
interface SummaryEvent {
  event: 'summary';
  job: string;
  counts: Record<string, number>;
}
type Event = OutputEvent | OutcomeEvent | SummaryEvent;

const outcomes = (events: Event[]): OutcomeEvent[] => events.filter((event) => event.event === 'outcome');
const bytesOf = (events: Event[], agent: string, stream: string): Buffer =>
  Buffer.concat(
    events.flatMap((event) =>
      event.event === 'output' && event.agent === agent && event.stream === stream
        ? [event.text === undefined ? Buffer.from(event.base64 ?? '', 'base64') : Buffer.from(event.text)]
        : [],
    ),
  );

describe('a controller with two agents', () => {
  let fleet: TestFleet;
  const ends: (() => unknown)[] = [];
  const suite = { after: (fn: () => unknown) => void ends.push(fn) };

  before(async () => {
    fleet = await startFleet(suite);
    await Promise.all([
      fleet.agent('web-1', '--label', 'role=web'),
      fleet.agent('db-1', '--label', 'role=db'),
    ]);
  });
  // In reverse: agents end before the controller, and folders go last.
  test.after(async () => {
    for (const end of ends.reverse()) await end();
  });

  const run = async (
    ...args: string[]
  ): Promise<{ status: number | null; events: Event[]; stderr: string }> => {
    const { status, stdout, stderr } = await fleet.muster(['run', '--json', ...args]);
    return { status, events: lines<Event>(stdout), stderr };
  };

  test('a command runs on the agent that is meant, and its output, outcome and summary are told as documented', async () => {
    const { status, events } = await run('-t', 'web-1', '--', 'printf', '%s|', 'a b', '-n', '$HOME', '');
    assert.equal(status, 0);
    assert.equal(bytesOf(events, 'web-1', 'stdout').toString(), 'a b|-n|$HOME||');
    const [outcome] = outcomes(events);
    assert.deepEqual(
      [outcome?.state, outcome?.exitCode, outcome?.signal, outcome?.truncated],
      ['succeeded', 0, null, false],
    );
    assert.equal(outcome?.outputBytes, 'a b|-n|$HOME||'.length);
    assert.ok((outcome?.durationMs ?? -1) >= 0);
    const last = events.at(-1);
    assert.ok(last?.event === 'summary');
    assert.deepEqual(last.counts, { succeeded: 1 });
    const shown = await fleet.json<{ job: string; state: string; targets: number; runs: unknown[] }>([
      'jobs',
      'show',
      last.job,
      '--json',
    ]);
    assert.deepEqual([shown.job, shown.state, shown.targets, shown.runs.length], [last.job, 'over', 1, 1]);
  });

  test('both streams arrive byte for byte with their offsets, NUL and bad UTF-8 included', async () => {
    const { events } = await run(
      '-t',
      'web-1',
      '--shell',
      String.raw`printf 'a\0\377b'; printf 'err\n' >&2; printf c`,
    );
    assert.deepEqual(bytesOf(events, 'web-1', 'stdout'), Buffer.from([0x61, 0, 0xff, 0x62, 0x63]));
    assert.equal(bytesOf(events, 'web-1', 'stderr').toString(), 'err\n');
    const offsets = events
      .filter((event) => event.event === 'output' && event.stream === 'stdout')
      .map((event) => (event as OutputEvent).offset);
    assert.equal(offsets[0], 0);
  });

  test('output is live: its first line is there while the command still runs', async (t) => {
    const gate = join(temporaryFolder(t), 'gate');
    const running = fleet.begin([
      'run',
      '--json',
      '-t',
      'web-1',
      '--shell',
      `echo early; until [ -e ${gate} ]; do sleep 0.02; done; echo late`,
    ]);
    await until('the first line', () => running.stdout().includes('early'));
    assert.ok(!running.stdout().includes('late'));
    writeFileSync(gate, '');
    const { status, stdout } = await running.ended;
    assert.equal(status, 0);
    assert.equal(bytesOf(lines<Event>(stdout), 'web-1', 'stdout').toString(), 'early\nlate\n');
  });

  const ENDS: [string, string[], Partial<OutcomeEvent>, number][] = [
    ['a non-zero exit is failed with its code', ['--shell', 'exit 7'], { state: 'failed', exitCode: 7 }, 1],
    [
      'death by a signal is failed with its signal',
      ['--shell', 'kill -KILL $$'],
      { state: 'failed', signal: 'SIGKILL' },
      1,
    ],
    [
      'a command that is not there is failed and says so',
      ['--', 'no-such-program-here'],
      { state: 'failed', exitCode: 127, reason: 'command not found: no-such-program-here' },
      1,
    ],
    [
      'a command past its timeout is timed-out',
      ['--timeout', '300ms', '--', 'sleep', '60'],
      { state: 'timed-out' },
      1,
    ],
    [
      'a user that does not exist is rejected',
      ['--user', 'nobody-of-that-name', '--', 'true'],
      { state: 'rejected' },
      1,
    ],
    [
      'a folder that does not exist is rejected',
      ['--cwd', '/no/such/folder', '--', 'true'],
      { state: 'rejected' },
      1,
    ],
  ];
  for (const [what, args, expected, exit] of ENDS) {
    test(what, async () => {
      const { status, events } = await run('-t', 'web-1', ...args);
      const [outcome] = outcomes(events);
      assert.deepEqual({ ...outcome, ...expected }, outcome);
      assert.equal(status, exit);
    });
  }

  test("environment, folder and standard input reach the command, and nothing of the agent's own environment does", async () => {
    const { stdout } = await fleet.muster(
      [
        'run',
        '-t',
        'web-1',
        '--env',
        'GREETING=hi there',
        '--cwd',
        '/tmp',
        '--stdin',
        '--shell',
        'pwd; echo "$GREETING"; cat; env | grep -c MUSTER_AGENT_HOME',
      ],
      { input: 'from stdin\n' },
    );
    assert.equal(stdout, '/tmp\nhi there\nfrom stdin\n0\n');
  });

  test('as root, a command runs as another user with its groups and home', {
    ...requires('root', 'setpriv'),
  }, async () => {
    const { stdout } = await fleet.muster([
      'run',
      '-t',
      'web-1',
      '--user',
      'nobody',
      '--shell',
      'id -un; echo out > /dev/stdout',
    ]);
    assert.equal(stdout, 'nobody\nout\n');
  });

  test("as root, a script with variables runs as another user even where the agent's home is closed to him", {
    ...requires('root', 'setpriv'),
  }, async (t) => {
    const file = join(temporaryFolder(t), 'who.sh');
    writeFileSync(file, '#!/bin/sh\necho "$(id -un) $GREETING $1"\n');
    const args = ['--user', 'nobody', '--env', 'GREETING=hi', file, 'there'];
    const { stdout } = await fleet.muster(['script', '-t', 'web-1', ...args]);
    assert.equal(stdout, 'nobody hi there\n');
  });

  test('a script runs with the interpreter that its first line names, and gets its arguments', async (t) => {
    const file = join(temporaryFolder(t), 'hello.sh');
    writeFileSync(file, '#!/bin/sh -e\necho "script $1 $2"\n');
    const { stdout, status } = await fleet.muster(['script', '-t', 'web-1', file, 'a b', '-x']);
    assert.deepEqual([stdout, status], ['script a b -x\n', 0]);
  });

  test('targets are names, globs and exclusions, and labels select', async () => {
    const meant = async (...args: string[]): Promise<string[]> =>
      (await fleet.json<{ name: string }[]>(['run', '--list', '--json', ...args])).map(
        (target) => target.name,
      );
    assert.deepEqual(await meant('-t', 'all'), ['db-1', 'web-1']);
    assert.deepEqual(await meant('-t', '*-1,!db-1'), ['web-1']);
    assert.deepEqual(await meant('-l', 'role in (db,cache)'), ['db-1']);
    assert.deepEqual(await meant('-t', 'web-*', '-l', 'role=db').catch(() => []), []);
  });

  test('several hosts: each line has its host, and the exit status is that of the worst', async () => {
    const { stdout, status, stderr } = await fleet.muster([
      'run',
      '-t',
      'all',
      '--shell',
      'test -e /no/such || { echo "line one"; exit 3; }',
    ]);
    assert.equal(status, 1);
    assert.match(stdout + stderr, /web-1.*line one|line one[\s\S]*web-1/);
    assert.match(stdout + stderr, /db-1/);
  });

  const WRONG: [string, string[], number, RegExp][] = [
    ['nobody matches', ['run', '-t', 'nobody-here', '--', 'true'], 3, /no agent matches/],
    [
      'a selector that cannot be read, pointing at the column',
      ['run', '-l', 'role in (web', '--', 'true'],
      2,
      /column 1[0-9]/,
    ],
    ['an empty target', ['run', '-t', '', '--', 'true'], 2, /./],
    ['an over-long target', ['run', '-t', `${'x'.repeat(600)}*`, '--', 'true'], 2, /./],
    ['no target at all', ['run', '--', 'true'], 2, /./],
    ['no command', ['run', '-t', 'all'], 2, /./],
    ['an unknown command', ['frobnicate'], 2, /frobnicate/],
    ['an unknown option', ['run', '-t', 'all', '--frobnicate', '--', 'true'], 2, /frobnicate/],
    ['a duration that is none', ['run', '-t', 'all', '--timeout', 'soon', '--', 'true'], 2, /soon/],
    ['a script that does not exist', ['script', '-t', 'all', '/no/such/script'], 2, /no\/such\/script/],
    ['a job that does not exist', ['jobs', 'show', 'feedfacefeedface'], 2, /./],
  ];
  for (const [what, args, status, message] of WRONG) {
    test(`${what}: one clear error and exit status ${status}`, async () => {
      const finished = await fleet.muster(args);
      assert.equal(finished.status, status, finished.stderr);
      assert.match(finished.stderr, message);
      assert.equal(finished.stdout, '');
      assert.ok(finished.stderr.trim().split('\n').length <= 3, finished.stderr);
    });
  }

  test('facts tell of the machine', async () => {
    const facts = await until('the facts are there', async () => {
      const { status, stdout } = await fleet.muster(['facts', 'web-1', '--json']);
      return (
        status === 0 && (JSON.parse(stdout) as { facts: { arch: string; cpu: { count: number } } }).facts
      );
    });
    assert.equal(typeof facts.arch, 'string');
    assert.ok(facts.cpu.count > 0);
  });

  test('cancelling a job ends the whole tree of what runs', async (t) => {
    const folder = temporaryFolder(t);
    chmodSync(folder, 0o777);
    const pidFile = join(folder, 'pid');
    const running = fleet.begin([
      'run',
      '--json',
      '-t',
      'web-1',
      '--shell',
      `setsid sh -c 'echo $$ > ${pidFile}; trap "" TERM; while :; do sleep 0.1; done' & wait`,
    ]);
    const pid = await until(
      'the grandchild runs',
      () =>
        existsSync(pidFile) &&
        Number(readFileSync(pidFile, 'utf8')) > 0 &&
        Number(readFileSync(pidFile, 'utf8')),
    );
    const [job] = await fleet.json<{ job: string }[]>(['jobs', '--json']);
    assert.equal((await fleet.muster(['jobs', 'cancel', job?.job ?? ''])).status, 0);
    const { stdout } = await running.ended;
    assert.equal(outcomes(lines<Event>(stdout))[0]?.state, 'cancelled');
    assert.equal(lives(pid), false);
  });

  test('jobs logs shows the same bytes again, afterwards', async () => {
    await fleet.muster(['run', '-t', 'web-1', '--', 'echo', 'for the record']);
    const [job] = await fleet.json<{ job: string }[]>(['jobs', '--json']);
    const { stdout, status } = await fleet.muster(['jobs', 'logs', job?.job ?? '']);
    assert.deepEqual([stdout, status], ['for the record\n', 0]);
  });

  test('the audit log tells of all that and verifies', async () => {
    const verdict = await fleet.json<{ ok: boolean; checked: number }>(['audit', 'verify', '--json']);
    assert.equal(verdict.ok, true);
    assert.ok(verdict.checked > 10);
  });

  test('a detached job prints its id and can be followed afterwards', async () => {
    const { stdout } = await fleet.muster([
      'run',
      '--detach',
      '-t',
      'web-1',
      '--shell',
      'sleep 0.2; echo done',
    ]);
    const followed = await fleet.muster(['jobs', 'logs', '-f', stdout.trim()]);
    assert.deepEqual([followed.stdout, followed.status], ['done\n', 0]);
  });
});

test('jobs, history and agents survive a restart of the controller, and agents come back by themselves', async (t) => {
  const fleet = await startFleet(t);
  await fleet.agent('web-1');
  await fleet.muster(['run', '-t', 'web-1', '--', 'echo', 'before']);
  assert.equal((await fleet.stopController()).status, 0);
  await fleet.startController();
  const [job] = await fleet.json<{ job: string; counts: object }[]>(['jobs', '--json']);
  assert.deepEqual(job?.counts, { succeeded: 1 });
  await until(
    'the agent is back',
    async () => (await fleet.json<{ online: boolean }[]>(['agents', '--json']))[0]?.online,
    30_000,
  );
  assert.equal((await fleet.muster(['run', '-t', 'web-1', '--', 'true'])).status, 0);
});

test('a host that is off is expired and said to be away, with exit status 4', async (t) => {
  const fleet = await startFleet(t);
  const agent = await fleet.agent('web-1');
  await agent.stop();
  const { status, stdout } = await fleet.muster([
    'run',
    '--json',
    '--ttl',
    '500ms',
    '-t',
    'web-1',
    '--',
    'true',
  ]);
  const [outcome] = outcomes(lines<Event>(stdout));
  assert.equal(outcome?.state, 'expired');
  assert.match(outcome?.reason ?? '', /offline since/);
  assert.equal(status, 4);
});

const BAD_TOKENS: [string, (fleet: TestFleet) => Promise<string>, number, RegExp][] = [
  ['a token that is none', async () => 'hello', 2, /not a join token/],
  ['a token that is cut', async (fleet) => (await fleet.token()).slice(0, -5), 2, /not a join token/],
  [
    'a token that was revoked',
    async (fleet) => {
      const { id, token } = await fleet.json<{ id: string; token: string }>(['token', 'create', '--json']);
      await fleet.muster(['token', 'revoke', id]);
      return token;
    },
    5,
    /revoked/,
  ],
];

test('a wrong, cut, revoked or used token is one clear error, and leaves an agent home that can still join', async (t) => {
  const fleet = await startFleet(t);
  const home = temporaryFolder(t);
  const env = { MUSTER_AGENT_HOME: home };
  const joinWith = (input: string, ...args: string[]) =>
    start(t, MUSTER_AGENT, ['join', '--token-file', '-', '--name', 'web-1', ...args], { env, input }).ended;
  for (const [what, make, status, message] of BAD_TOKENS) {
    const finished = await joinWith(await make(fleet));
    assert.equal(finished.status, status, `${what}: ${finished.stderr}`);
    assert.match(finished.stderr, message);
  }
  const token = await fleet.token();
  assert.equal((await joinWith(token)).status, 0);
  const other = start(t, MUSTER_AGENT, ['join', '--token-file', '-', '--name', 'web-2'], {
    env: { MUSTER_AGENT_HOME: temporaryFolder(t) },
    input: token,
  });
  const used = await other.ended;
  assert.equal(used.status, 5);
  assert.match(used.stderr, /used already/);
});

test('an agent home of another fleet is not taken over', async (t) => {
  const [one, two] = [await startFleet(t), await startFleet(t)];
  const agent = await one.agent('web-1');
  await agent.stop();
  const finished = await start(t, MUSTER_AGENT, ['join', '--token-file', '-'], {
    env: { MUSTER_AGENT_HOME: agent.home },
    input: await two.token(),
  }).ended;
  assert.equal(finished.status, 2);
  assert.match(finished.stderr, /another fleet/);
});
