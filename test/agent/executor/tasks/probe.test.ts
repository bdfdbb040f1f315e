import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Task } from '../../../../agent/executor/run.ts';
import { createSteps } from '../../../../agent/executor/tasks/steps.ts';
import { machine, shell, survivors, until } from '../machine.ts';
import { taskPorts } from './machine.ts';

type Probe = Extract<Task, { kind: 'probe' }>;

const probe = (change: Partial<Probe>): Probe => ({
  ...{ kind: 'probe', command: null, shell: null, http: null, tcp: null },
  ...{ need: 1, of: 1, everyMs: 50, timeoutMs: 2_000, withinMs: 5_000, holdMs: 0 },
  ...change,
});
const line = (text: string) => ({ line: text, stdin: new Uint8Array(0) });
const machineWithSteps = (t: TestContext) => machine(t, { steps: createSteps(taskPorts()) });

async function listening(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

test('a line is tried until it ends with 0, with one line of output for each change', async (t) => {
  const m = await machineWithSteps(t);
  const file = join(m.folder, 'tries');
  const { result, stdout, stderr, jobId } = await m.carryOut([
    probe({ shell: line(`echo x >>${file}; echo not yet >&2; test $(wc -l <${file}) -ge 4`) }),
    shell('echo on'),
  ]);
  assert.equal(result.state, 'succeeded');
  assert.equal(result.tasks[0]?.change, 'unchanged');
  assert.equal(readFileSync(file, 'utf8'), 'x\n'.repeat(4));
  assert.equal(stdout, 'on\n', 'what is tried writes nothing to the output of the run');
  assert.match(stderr, /^.+: does not hold yet: exit status 1: not yet\n.+: holds, after [\d.]+ s\n$/);
  assert.deepEqual(existsSync(join(m.spoolDir, `${jobId}-1-0-try`)), false);
});

test('a probe that does not hold in time fails with its code, the last cause and the exit status', async (t) => {
  const m = await machineWithSteps(t);
  const { result } = await m.carryOut([
    probe({ shell: line('echo broken; exit 7'), need: 2, of: 3, withinMs: 300 }),
    shell('echo never'),
  ]);
  assert.equal(result.state, 'failed');
  const [task] = result.tasks;
  assert.deepEqual([task?.code, task?.exitCode], ['probe-failed', 7]);
  assert.match(
    task?.reason ?? '',
    /^echo broken; exit 7 did not hold within 0\.3 s: exit status 7: broken \(0 of the last 3 tries succeeded, 2 are needed\)$/,
  );
  assert.equal(result.tasks[1]?.state, 'skipped');
});

test('a try is ended after its time with all that it started, and leaves nothing behind where it ends by itself', async (t) => {
  const m = await machineWithSteps(t);
  const { result, jobId } = await m.carryOut(
    probe({ shell: line('setsid sleep 300 & exec sleep 300'), timeoutMs: 200, withinMs: 250 }),
  );
  assert.match(result.reason ?? '', /it did not end within 0\.2 s/);
  assert.deepEqual(survivors(jobId), []);
  const quick = await m.carryOut(probe({ shell: line('setsid sleep 300 >/dev/null 2>&1 & exit 0') }));
  assert.equal(quick.result.state, 'succeeded');
  assert.deepEqual(survivors(quick.jobId), []);
});

test('what an earlier task of the run left running is not ended with a try', async (t) => {
  const m = await machineWithSteps(t);
  const { result, jobId } = await m.carryOut([
    shell('setsid sleep 300 >/dev/null 2>&1 &'),
    probe({ shell: line('true'), need: 3, of: 3 }),
  ]);
  assert.equal(result.state, 'succeeded');
  assert.equal(survivors(jobId).length, 1);
});

test('a cancel ends a probe and its try promptly', async (t) => {
  const m = await machineWithSteps(t);
  const file = join(m.folder, 'begun');
  const { run, jobId } = await m.start(
    probe({ shell: line(`touch ${file}; exec sleep 300`), timeoutMs: 60_000, withinMs: 60_000 }),
  );
  await until(() => existsSync(file), 'it is tried');
  run.terminate('cancel');
  assert.equal((await run.done).state, 'cancelled');
  assert.deepEqual(survivors(jobId), []);
});

test('a probe that held fails as soon as it does not any more', async (t) => {
  const m = await machineWithSteps(t);
  const file = join(m.folder, 'well');
  writeFileSync(file, '');
  const { run } = await m.start(probe({ shell: line(`test -e ${file}`), holdMs: 60_000 }));
  await until(() => run.output.length > 0, 'it holds');
  (await import('node:fs')).rmSync(file);
  const result = await run.done;
  assert.match(result.reason ?? '', /held for [\d.]+ s of 60 s, and then not any more: exit status 1/);
});

test('http: statuses, text, redirects and silence', async (t) => {
  const m = await machineWithSteps(t);
  const answers: Record<string, RequestListener> = {
    '/ok': (_, reply) => reply.end('all is well'),
    '/late': (_, reply) => reply.end(`${'x'.repeat(70_000)}well`),
    '/moved': (_, reply) => reply.writeHead(302, { location: '/ok' }).end(),
    '/down': (_, reply) => reply.writeHead(503).end(),
    '/silent': () => {},
    '/endless': (_, reply) => reply.write('x'),
  };
  const server = createServer((request, reply) => answers[request.url ?? '']?.(request, reply));
  const port = await listening(t, server);
  t.after(() => server.closeAllConnections());
  async function ask(path: string, http: { status?: number; contains?: string } = {}) {
    const url = `http://127.0.0.1:${port}${path}`;
    const wanted = { status: 0, contains: '', insecure: false, ...http };
    const { result } = await m.carryOut(
      probe({ http: { url, ...wanted }, timeoutMs: 200, withinMs: 200, everyMs: 300 }),
    );
    return result.state === 'succeeded'
      ? 'held'
      : result.reason?.replace(`${url} did not hold within 0.2 s: `, '');
  }
  assert.equal(await ask('/ok'), 'held');
  assert.equal(await ask('/ok', { contains: 'well' }), 'held');
  assert.equal(await ask('/ok', { status: 204 }), 'status 200, not 204');
  assert.equal(await ask('/moved'), 'held');
  assert.equal(await ask('/moved', { status: 200 }), 'status 302, not 200', 'a redirect is not followed');
  assert.equal(await ask('/down'), 'status 503');
  assert.equal(await ask('/down', { status: 503 }), 'held');
  const missing = 'status 200, but the text is not in the first 64 KiB of the answer';
  assert.equal(await ask('/ok', { contains: 'ill' }), missing);
  assert.equal(await ask('/late', { contains: 'well' }), missing);
  assert.equal(await ask('/silent'), 'no answer within 0.2 s');
  assert.equal(await ask('/endless', { contains: 'y' }), 'no answer within 0.2 s');
});

test('tcp: a port that listens, and one that does not', async (t) => {
  const m = await machineWithSteps(t);
  const server = createTcpServer((socket) => socket.destroy());
  const port = await listening(t, server);
  const held = await m.carryOut(probe({ tcp: { host: '127.0.0.1', port } }));
  assert.equal(held.result.state, 'succeeded');
  server.close();
  const { result } = await m.carryOut(probe({ tcp: { host: '127.0.0.1', port }, withinMs: 100 }));
  assert.match(result.reason ?? '', /did not hold within 0\.1 s: connect ECONNREFUSED/);
});

test('a check asks nothing', async (t) => {
  const m = await machineWithSteps(t);
  const file = join(m.folder, 'asked');
  const { result } = await m.carryOut(probe({ shell: line(`touch ${file}; false`) }), { check: true });
  assert.deepEqual(
    [result.state, result.tasks[0]?.change, existsSync(file)],
    ['succeeded', 'unchanged', false],
  );
});
