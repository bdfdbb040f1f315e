import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type FakeCall, fakeApi, type Handlers, testHome } from './fake-api.ts';
import { JOB, script, stream, target } from './fake-job.ts';

const MAIN = fileURLToPath(new URL('../../../controller/main.ts', import.meta.url));

/** `muster` as a process of its own, against a made-up controller. */
async function start(t: TestContext, handlers: Handlers, argv: readonly string[]) {
  const api = await fakeApi(t, {
    'jobs.create': () => ({ job: JOB, targets: [target('web-1')], tasks: ['true'], created: true }),
    ...handlers,
  });
  const env = { PATH: process.env.PATH, MUSTER_HOME: await testHome(t, api) };
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...argv], {
    env,
    stdio: 'pipe',
  });
  t.after(() => child.kill('SIGKILL'));
  const stderr: Buffer[] = [];
  child.stderr.on('data', (piece: Buffer) => stderr.push(piece));
  const ended = once(child, 'close').then(([status, signal]) => ({
    status,
    signal,
    stderr: Buffer.concat(stderr).toString(),
  }));
  return { api, child, ended };
}

async function textOf(child: ChildProcess): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of child.stdout ?? []) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

/** `seq 1 count` as events. */
function counting(count: number) {
  const told = script().created();
  for (let from = 1; from <= count; from += 1000)
    told.output('web-1', Array.from({ length: 1000 }, (_, i) => `${from + i}\n`).join(''));
  return told.state('web-1', 'failed', { exitCode: 7 }).over().events;
}

test('a process writes all of its output to a slow reader before it ends, and then ends by itself', async (t) => {
  const { child, ended } = await start(t, { 'jobs.events': () => stream(counting(200_000)) }, [
    'run',
    '-t',
    'web-1',
    'x',
  ]);
  // More than the pipe holds is on its way before anything is read.
  await once(child.stdout, 'readable');
  const lines = (await textOf(child)).trimEnd().split('\n');
  assert.equal(lines.length, 200_000);
  assert.equal(lines.at(-1), '200000');
  assert.deepEqual(await ended, { status: 1, signal: null, stderr: 'web-1: failed, exit 7 in 12 ms\n' });
});

test('a reader that leaves early, as head does, ends the process quietly', async (t) => {
  const { child, ended } = await start(t, { 'jobs.events': () => stream(counting(200_000)) }, [
    'run',
    '-t',
    'web-1',
    'x',
  ]);
  child.stdout.once('data', () => child.stdout.destroy());
  assert.deepEqual(await ended, { status: 141, signal: null, stderr: '' });
});

async function* quiet(call: FakeCall): AsyncGenerator<string> {
  yield script().created().state('web-1', 'running').output('web-1', 'x\n').events.join('');
  await once(call.reply, 'close');
}

test('a real Ctrl-C does not end the process; it leaves after three seconds with 130', async (t) => {
  const { child, ended } = await start(t, { 'jobs.events': quiet }, ['run', '-t', 'web-1', 'x']);
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  const { status, signal, stderr } = await ended;
  assert.deepEqual([status, signal], [130, null]);
  assert.match(stderr, /Come back with "muster jobs logs -f 3f2a9c01d2aa"\n$/);
});

test('standard input is given to the hosts, byte for byte', async (t) => {
  const told = script().created().state('web-1', 'succeeded', {}).over().events;
  const { api, child, ended } = await start(t, { 'jobs.events': () => stream(told) }, [
    'run',
    '-t',
    'web-1',
    '--stdin',
    'cat',
  ]);
  child.stdin.end(Buffer.from([0, 0xff, 10]));
  assert.deepEqual(await ended, { status: 0, signal: null, stderr: '' });
  assert.deepEqual(api.calls[0]?.body, {
    targets: 'web-1',
    tasks: [{ command: { argv: ['cat'], stdin: Buffer.from([0, 0xff, 10]).toString('base64') } }],
  });
});

test('more standard input than an order can hold is wrong use', async (t) => {
  const { child, ended, api } = await start(t, {}, ['run', '-t', 'web-1', '--stdin', 'cat']);
  child.stdin.on('error', () => {});
  child.stdin.end(Buffer.alloc(768 * 1024 + 1));
  assert.deepEqual(await ended, {
    status: 2,
    signal: null,
    stderr: 'muster: standard input has more than 786432 bytes\n',
  });
  assert.equal(api.connections(), 0);
});
