import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { commandLine } from '../../../controller/cli/command-line.ts';
import { MusterError } from '../../../proto/errors.ts';
import { until } from '../../support/until.ts';
import { type FakeCall, fakeApi, type Handlers, sse, testHome } from './fake-api.ts';
import { JOB, script, stream, target } from './fake-job.ts';
import { type FakeTerminal, type FakeTerminalOptions, fakeTerminal } from './fake-terminal.ts';

interface Stage extends Omit<FakeTerminalOptions, 'home'> {
  targets?: string[];
  events: (call: FakeCall, attempt: number) => AsyncIterable<string>;
  handlers?: Handlers;
}

async function stage(t: TestContext, { targets = ['web-1'], events, handlers = {}, ...options }: Stage) {
  let attempt = 0;
  const api = await fakeApi(t, {
    'jobs.create': () => ({ job: JOB, targets: targets.map(target), tasks: ['true'], created: true }),
    'jobs.events': (call) => events(call, ++attempt),
    ...handlers,
  });
  const terminal = fakeTerminal({ home: await testHome(t, api), ...options });
  const status = (...argv: string[]) => commandLine(['run', '-t', 'all', ...argv, 'x'], terminal);
  return { api, terminal, status };
}

/** Lets virtual time pass until a command is done. */
async function passUntilDone(status: Promise<number>, terminal: FakeTerminal): Promise<number> {
  let done = false;
  const end = status.finally(() => {
    done = true;
  });
  for (let i = 0; i < 100_000 && !done; i += 1) await terminal.clock.advance(100);
  return end;
}

/** A stream that stays open until the test ends or the client leaves. */
async function* open(
  call: FakeCall,
  pieces: readonly string[],
  go?: Promise<readonly string[]>,
): AsyncGenerator<string> {
  yield* pieces;
  if (go) yield* await go;
  else await new Promise((resolve) => call.reply.once('close', resolve));
}

const told = script()
  .created()
  .output('web-1', 'one\n')
  .output('web-1', 'two\n')
  .output('web-1', 'three\n')
  .state('web-1', 'succeeded', {})
  .over();

test('a connection that is cut in the middle is taken up behind the last event, each event once', async (t) => {
  const { api, terminal, status } = await stage(t, {
    async *events(call, attempt) {
      if (attempt > 1) return yield* told.events.slice(Number(call.headers['last-event-id']));
      yield* told.events.slice(0, 2);
      yield told.events[2]?.slice(0, 30) ?? '';
      await new Promise((resolve) => setImmediate(resolve));
      call.reply.destroy();
    },
  });
  assert.equal(await passUntilDone(status(), terminal), 0);
  assert.equal(terminal.stdout.text(), 'one\ntwo\nthree\n');
  const streams = api.calls.filter(({ name }) => name === 'jobs.events');
  assert.deepEqual(
    streams.map(({ headers, query }) => [headers['last-event-id'], query.after]),
    [
      [undefined, undefined],
      ['2', '2'],
    ],
  );
  assert.equal(
    terminal.stderr.text(),
    'muster: the connection to the controller broke; the job goes on, trying to come back\nmuster: connected to the controller again\n',
  );
});

test('a controller that restarts is waited for, and the notes are not repeated', async (t) => {
  const { terminal, status } = await stage(t, {
    async *events(call, attempt) {
      if (attempt === 1) {
        yield* told.events.slice(0, 3);
        yield sse(0, 'end', { why: 'stopping', after: 3 });
      } else if (attempt < 5) throw new MusterError('shutting-down');
      else if (attempt < 8) call.reply.socket?.destroy();
      else yield* told.events.slice(Number(call.headers['last-event-id']));
    },
  });
  assert.equal(await passUntilDone(status(), terminal), 0);
  assert.equal(terminal.stdout.text(), 'one\ntwo\nthree\n');
  assert.equal(terminal.stderr.text().match(/broke/g)?.length, 1);
});

test('a refusal while it comes back is not retried', async (t) => {
  const { terminal, status, api } = await stage(t, {
    async *events(_, attempt) {
      if (attempt > 1) throw new MusterError('unauthenticated');
      yield* told.events.slice(0, 2);
    },
  });
  assert.equal(await passUntilDone(status(), terminal), 5);
  assert.match(terminal.stderr.text(), /the API token is missing, wrong, expired or revoked/);
  assert.equal(api.calls.filter(({ name }) => name === 'jobs.events').length, 2);
});

test('a controller that stays away for five minutes is given up, with how to come back', async (t) => {
  const { terminal, status } = await stage(t, {
    async *events(call, attempt) {
      if (attempt > 1) call.reply.socket?.destroy();
      else yield* told.events.slice(0, 2);
    },
  });
  assert.equal(await passUntilDone(status(), terminal), 5);
  assert.ok(terminal.clock.monotonicMs() > 300_000 && terminal.clock.monotonicMs() < 330_000);
  assert.match(
    terminal.stderr.text(),
    /did not come back within 5 minutes.*\n {2}come back with "muster jobs logs -f 3f2a9c01d2aa --after 2"/,
  );
});

test('an event of a kind that is not known yet is passed over', async (t) => {
  const events = [...told.events];
  events.splice(2, 0, 'id: 2\nevent: novelty\ndata: {"x":1}\n\n');
  const { terminal, status } = await stage(t, { events: () => stream(events) });
  assert.equal(await status(), 0);
  assert.equal(terminal.stdout.text(), 'one\ntwo\nthree\n');
});

test('Ctrl-C says who is still running; three seconds later the command leaves with 130, and the job goes on', async (t) => {
  const { api, terminal, status } = await stage(t, {
    targets: ['web-1', 'db-1'],
    events: (call) =>
      open(
        call,
        script().created().state('db-1', 'running').output('web-1', 'x\n').state('web-1', 'succeeded', {})
          .events,
      ),
    handlers: { 'jobs.cancel': () => ({ cancelled: 1 }) },
  });
  const end = status();
  await until('output', () => terminal.stdout.text() !== '');
  await terminal.clock.advance(1000);
  terminal.pressCtrlC();
  assert.match(
    terminal.stderr.text(),
    /^muster: 1\/2 done · waiting for 1: db-1 \(running\)\nmuster: Ctrl-C again within 3 s cancels the job/,
  );
  await terminal.clock.advance(3000);
  assert.equal(await end, 130);
  assert.match(terminal.stderr.text(), /2 hosts in .*: 1 running, 1 succeeded · job 3f2a9c01d2aa/);
  assert.match(terminal.stderr.text(), /it goes on. Come back with "muster jobs logs -f 3f2a9c01d2aa"\n$/);
  assert.ok(!api.calls.some(({ name }) => name === 'jobs.cancel'));
  assert.equal(terminal.clock.pending, 0);
});

test('a second Ctrl-C cancels the job and waits for what becomes of it', async (t) => {
  const cancelled = Promise.withResolvers<readonly string[]>();
  const running = script().created().state('web-1', 'running');
  const { api, terminal, status } = await stage(t, {
    events: (call) => open(call, [...running.events], cancelled.promise),
    handlers: {
      'jobs.cancel': () => {
        const shown = running.events.length;
        cancelled.resolve(
          running
            .state('web-1', 'cancelled', { exitCode: null, signal: 'SIGTERM' })
            .over()
            .events.slice(shown),
        );
        return { cancelled: 1 };
      },
    },
  });
  const end = status('--json');
  await until('the stream', () => api.calls.some(({ name }) => name === 'jobs.events'));
  terminal.pressCtrlC();
  await terminal.clock.advance(2999);
  terminal.pressCtrlC();
  assert.equal(await end, 1);
  assert.deepEqual(api.calls.at(-1)?.body, {});
  assert.deepEqual(
    terminal.stdout
      .text()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
      .at(-1),
    { event: 'summary', job: JOB, counts: { cancelled: 1 } },
  );
  assert.match(terminal.stderr.text(), /cancelling on 1 host/);
});

test('a cancel that is refused is said, and the job is followed on', async (t) => {
  const { terminal, status } = await stage(t, {
    events: (call) => open(call, script().created().output('web-1', 'x\n').events),
    handlers: {
      'jobs.cancel': () => {
        throw new MusterError('forbidden', 'this needs the role runner');
      },
    },
  });
  const end = status();
  await until('output', () => terminal.stdout.text() !== '');
  terminal.pressCtrlC();
  terminal.pressCtrlC();
  await until('the refusal', () => terminal.stderr.text().includes('the job was not cancelled: '));
  terminal.pressCtrlC();
  assert.equal(await end, 130);
});

test('when nobody reads the output any longer, the command ends quietly', async (t) => {
  const { terminal, status } = await stage(t, { events: (call) => open(call, told.events.slice(0, 3)) });
  const end = status();
  await until('output', () => terminal.stdout.text() !== '');
  terminal.closeStdout();
  assert.equal(await end, 141);
  assert.equal(terminal.stderr.text(), '');
});

test('bytes that are missing in the middle of a host are told', async (t) => {
  const events = script()
    .created()
    .output('web-1', 'one\n')
    .output('web-1', 'lost')
    .output('web-1', 'two\n')
    .state('web-1', 'succeeded', {})
    .over().events;
  events.splice(2, 1);
  const { terminal, status } = await stage(t, { events: () => stream(events) });
  assert.equal(await status(), 0);
  assert.equal(terminal.stdout.text(), 'one\ntwo\n');
  assert.equal(terminal.stderr.text(), 'muster: web-1: 4 bytes of stdout are missing here\n');
});

test('a slow reader is waited for: nothing is taken from the controller that cannot be written', async (t) => {
  const { terminal, status } = await stage(t, { events: () => stream(told.events) });
  let waits = 0;
  let release = (): void => {};
  terminal.stdout.settled = () =>
    new Promise((resolve) => {
      waits += 1;
      release = resolve;
    });
  const end = status();
  const shown: string[] = [];
  for (let event = 1; event <= told.events.length - 1; event += 1) {
    await until('the next wait', () => waits === event);
    await terminal.clock.settle();
    shown.push(terminal.stdout.text());
    release();
  }
  assert.deepEqual(shown.slice(0, 4), ['', 'one\n', 'one\ntwo\n', 'one\ntwo\nthree\n']);
  assert.equal(await end, 0);
});

test('an order whose answer never came is asked for again, with its key, for as long as the controller is away', async (t) => {
  const keys = new Set<unknown>();
  let asked = 0;
  const { terminal, status } = await stage(t, {
    events: () => stream(told.events),
    handlers: {
      'jobs.create': ({ headers, reply }) => {
        asked += 1;
        keys.add(headers['idempotency-key']);
        if (asked < 6) reply.socket?.destroy();
        return { job: JOB, targets: [target('web-1')], tasks: ['true'], created: false };
      },
    },
  });
  assert.equal(await passUntilDone(status(), terminal), 0);
  assert.equal(keys.size, 1);
  assert.equal(terminal.stdout.text(), 'one\ntwo\nthree\n');
  assert.equal(
    terminal.stderr.text(),
    'muster: the connection broke before the answer; asking the controller again\n',
  );
});

test('where the controller stays away it is said that the job may be there, and how to find it', async (t) => {
  const { terminal, status } = await stage(t, {
    events: () => stream(told.events),
    handlers: {
      'jobs.create': ({ reply }) => {
        reply.socket?.destroy();
        return undefined;
      },
    },
  });
  assert.equal(await passUntilDone(status('--idempotency-key', 'k-1'), terminal), 5);
  assert.match(
    terminal.stderr.text(),
    /whether the job was made is not known\n {2}the same command with --idempotency-key k-1 finds it/,
  );
});

test('a controller that was never there is not waited for', async (t) => {
  const { terminal, status, api } = await stage(t, {
    events: () => stream(told.events),
    handlers: {
      'jobs.create': () => {
        throw new MusterError('shutting-down');
      },
    },
  });
  assert.equal(await status(), 5);
  assert.equal(api.calls.length, 1);
  assert.equal(terminal.clock.pending, 0);
});
