import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join, resolve } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { until } from '../../support/until.ts';
import { joinArgs, type Shell, shell } from './shell.ts';

const NOBODY = 'https://127.0.0.1:1';
const MAIN = resolve(import.meta.dirname, '../../../agent/main.ts');

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<[number | null, string | null]>;
  said: string;
}

/** `muster-agent run` as a process of its own; nobody is where it dials. */
function start(t: TestContext, at: Shell, env: Record<string, string> = {}): Running {
  const flags = ['--disable-warning=ExperimentalWarning', MAIN, 'run'];
  const child = spawn(process.execPath, flags, {
    env: { ...process.env, MUSTER_AGENT_HOME: at.home, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const running: Running = { child, ended: once(child, 'exit') as Running['ended'], said: '' };
  child.stderr?.on('data', (data) => {
    running.said += data;
  });
  t.after(async () => {
    child.kill('SIGKILL');
    await running.ended;
  });
  return running;
}

async function joined(t: TestContext): Promise<Shell> {
  const at = shell(t);
  at.controller.documents.length = 0;
  at.controller.addTrust({ urls: [NOBODY] });
  assert.equal(await at.run(...joinArgs(at, '--url', NOBODY)), 0);
  return at;
}

const waiting = (agent: Running) =>
  until('the agent waits for its controller', () => agent.said.includes('not connected'));

describe('an agent that is a process', () => {
  it('ends though a file system holds up one of its threads', async (t) => {
    const at = await joined(t);
    const fifo = join(dirname(at.home), 'fifo');
    execFileSync('mkfifo', [fifo]);
    // Nobody writes to it, as nobody answers for a file server that is gone.
    const hang = `import { open } from 'node:fs'; open(${JSON.stringify(fifo)}, 'r', () => {});`;
    const agent = start(t, at, { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hang)}` });
    await waiting(agent);
    agent.child.kill('SIGTERM');
    await until('it has ended', () => agent.child.signalCode !== null, 30_000);
    assert.match(agent.said, /"agent stops"/);
  });

  it('says that it runs, stops when it is asked to, and leaves with status 0', async (t) => {
    const at = await joined(t);
    const agent = start(t, at);
    await waiting(agent);
    assert.equal(await at.run('status', '--json'), 1);
    const status = JSON.parse(at.out);
    assert.deepEqual([status.running, status.connected, status.pid], [true, false, agent.child.pid]);
    assert.match(status.reason, /ECONNREFUSED/);
    agent.child.kill('SIGTERM');
    assert.deepEqual(await agent.ended, [0, null]);
    assert.match(agent.said, /"agent stops"/);
    await at.run('status', '--json');
    assert.equal(JSON.parse(at.out).running, false);
  });

  it('keeps every other from its home for as long as it lives, and not longer', async (t) => {
    const at = await joined(t);
    const first = start(t, at);
    await waiting(first);
    const second = start(t, at);
    assert.deepEqual(await second.ended, [1, null]);
    assert.match(second.said, /another agent is at work on this home/);
    first.child.kill('SIGKILL');
    await first.ended;
    await at.run('status', '--json');
    assert.equal(JSON.parse(at.out).running, false);
    const third = start(t, at);
    await waiting(third);
  });

  it('writes its log to standard error, one JSON object a line', async (t) => {
    const at = await joined(t);
    const agent = start(t, at);
    await waiting(agent);
    const [first] = agent.said.split('\n');
    const line = JSON.parse(first ?? '');
    assert.deepEqual([line.level, line.msg, line.home], ['info', 'agent started', at.home]);
  });
});
