/**
 * `npm start`: the whole way once, on this machine. A controller on loopback, an agent as a process of its own that joins with a
 * token over wss, one command on it; then both stay up for the operator's first steps.
 */
import { createWriteStream, existsSync, mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { delay } from '../../proto/clock.ts';
import { MusterError } from '../../proto/errors.ts';
import type { RunDetail } from '../api/contract.ts';
import { type AgentProcess, agentProgram, startAgentProcess } from './agent-process.ts';
import type { Client } from './client.ts';
import { EXIT, Failure } from './failure.ts';
import { run } from './run-command.ts';
import { parseListen } from './serve-command.ts';
import type { Surroundings } from './surroundings.ts';
import { withClient } from './with-client.ts';

export interface QuickstartOptions {
  listen: string;
  once?: boolean;
}

const AGENT = 'local';
const COMMAND = ['uname', '-a'];
const ONLINE_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 20;
const END_WITHIN_MS = 15_000;

interface Places {
  home: string;
  agentHome: string;
  controllerLog: string;
  agentLog: string;
}

export async function quickstart(
  surroundings: Surroundings,
  options: QuickstartOptions,
  own: { program: string; folder: string },
): Promise<number> {
  const places = makePlaces(join(own.folder, '.muster'));
  const program = agentProgram(own.program);
  const stopped = new AbortController();
  const off = surroundings.onStop(() => stopped.abort(new Failure(EXIT.detached, 'stopped')));
  const { stdout, clock } = surroundings;
  const stage = async <T>(what: string, action: () => Promise<T>): Promise<T> => {
    const fromMs = clock.monotonicMs();
    const result = await action();
    stdout.write(`  ${what.padEnd(58)} ${milliseconds(clock.monotonicMs() - fromMs)}\n`);
    return result;
  };
  // Whatever the environment says, these commands go to the controller that was started here.
  const env: Record<string, string | undefined> = { ...surroundings.env, MUSTER_HOME: places.home };
  for (const name of ['MUSTER_URL', 'MUSTER_TOKEN_FILE', 'MUSTER_CA_FILE'] as const) env[name] = undefined;
  const local = { ...surroundings, env };

  stdout.write(`A controller and one agent on this machine; their state is in .muster/\n\n`);
  const { serve } = await import('../serve.ts');
  const controller = await stage('controller: keys, store, certificate, both doors', () =>
    serve({
      home: places.home,
      listen: parseListen(options.listen),
      urls: [],
      logTo: createWriteStream(places.controllerLog, { flags: 'a', mode: 0o600 }),
    }),
  );
  let agent: AgentProcess | undefined;
  try {
    await withClient(local, async (client) => {
      if (!existsSync(join(places.agentHome, 'identity.json')) || !(await isKnown(client)))
        await stage('agent: keys made, joined with a single-use token', () =>
          joinFleet(client, program, places),
        );
      const started = startAgentProcess({
        program,
        // The port may be another one than when it joined.
        args: ['run', '--url', controller.url],
        home: places.agentHome,
        logFile: places.agentLog,
      });
      agent = started;
      await stage('agent: connected, handshake, online', () =>
        online(surroundings, client, started, places, stopped.signal),
      );
    });
    stdout.write(`\n$ muster run -t ${AGENT} -- ${COMMAND.join(' ')}\n`);
    const status = await run(local, COMMAND, { targets: [AGENT] });
    await withClient(local, async (client) => stdout.write(await stages(client)));
    if (status !== EXIT.ok || options.once) return status;
    stdout.write(nextSteps(own.folder, places.home));
    if (agent) await untilStopped(agent, stopped.signal, places);
    return EXIT.ok;
  } catch (error) {
    if (stopped.signal.aborted) return EXIT.detached;
    throw error;
  } finally {
    await endRuns(local).catch(() => {}); // a controller that cannot say what runs is about to stop all the same
    agent?.terminate();
    await agent?.ended.catch(() => {});
    await controller.stop();
    off();
  }
}

function makePlaces(folder: string): Places {
  const places = {
    home: join(folder, 'controller'),
    agentHome: join(folder, 'agent'),
    controllerLog: join(folder, 'controller.log'),
    agentLog: join(folder, 'agent.log'),
  };
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new Failure(
      EXIT.refused,
      `${folder} cannot be made: ${(cause as Error).message}`,
      'use a folder that you may write to',
    );
  }
  return places;
}

async function isKnown(client: Client): Promise<boolean> {
  const agents = await client.call('agents.list', { query: {} });
  return agents.some((agent) => agent.name === AGENT);
}

async function joinFleet(client: Client, program: string, places: Places): Promise<void> {
  const { token } = await client.call('tokens.create', {
    body: { name: AGENT, labels: { from: 'quickstart' } },
  });
  const args = ['join', '--token-file', '-', '--name', AGENT, '--replace'];
  const joining = startAgentProcess({
    program,
    args,
    home: places.agentHome,
    logFile: places.agentLog,
    input: token,
  });
  const status = await joining.ended;
  if (status !== 0)
    throw new Failure(
      EXIT.failed,
      `the agent could not join (status ${status}); ${places.agentLog} says why`,
      `remove ${places.agentHome} to begin anew`,
    );
}

async function online(
  { clock }: Surroundings,
  client: Client,
  agent: AgentProcess,
  places: Places,
  signal: AbortSignal,
): Promise<void> {
  let status: number | undefined;
  agent.ended.then(
    (code) => {
      status = code;
    },
    () => {
      status = 1;
    },
  );
  const giveUpMs = clock.monotonicMs() + ONLINE_WITHIN_MS;
  for (;;) {
    const { online } = await client.call('agents.show', { params: { agent: AGENT } });
    if (online) return;
    if (status !== undefined)
      throw new Failure(EXIT.failed, `the agent ended with status ${status}; ${places.agentLog} says why`);
    if (clock.monotonicMs() > giveUpMs)
      throw new Failure(EXIT.noAnswer, `the agent did not come online; ${places.agentLog} says why`);
    await delay(clock, LOOK_EVERY_MS, signal);
  }
}

/** Where the time of the last job went, from the controller's and the agent's own clocks. */
async function stages(client: Client): Promise<string> {
  const [job] = await client.call('jobs.list', { query: { limit: 1 } });
  if (!job) throw new MusterError('no-such-job');
  const detail = await client.call('jobs.show', { params: { job: job.job } });
  const [one] = detail.runs;
  if (!one) throw new MusterError('no-such-job');
  const since = (atMs: RunDetail['sentAtMs']): string =>
    atMs === null ? '–' : milliseconds(atMs - detail.createdAtMs);
  const ran = one.durationMs === null ? '–' : milliseconds(one.durationMs);
  return [
    `\n  ${one.state}; counted from the request:`,
    `    durable, signed, sealed, opened: running  ${since(one.startedAtMs)}`,
    `    ran for                                   ${ran}`,
    `    signed report stored                      ${since(one.endedAtMs)}\n`,
  ].join('\n');
}

function nextSteps(folder: string, home: string): string {
  return `
Next, in another terminal, in this folder (${folder}):
  export MUSTER_HOME=${shown(folder, home)}
  npx muster agents
  npx muster run -t ${AGENT} -- uptime
  npx muster run -t all --shell 'for i in 1 2 3; do date; sleep 1; done'
  npx muster facts ${AGENT}
  npx muster jobs
  npx muster audit verify
Ctrl-C here stops the controller and the agent.
`;
}

/** Relative to where the operator is: short, and right as it is printed. */
function shown(folder: string, path: string): string {
  return `$PWD/${relative(folder, path)}`;
}

async function untilStopped(agent: AgentProcess, signal: AbortSignal, places: Places): Promise<void> {
  const ended = agent.ended.then((status) => {
    if (!signal.aborted)
      throw new Failure(EXIT.failed, `the agent ended with status ${status}; ${places.agentLog} says why`);
  });
  const asked = new Promise<void>((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([ended, asked]);
}

/** What operators started meanwhile outlives an agent by design; here it shall not. */
async function endRuns(surroundings: Surroundings): Promise<void> {
  const { clock } = surroundings;
  await withClient(surroundings, async (client) => {
    const giveUpMs = clock.monotonicMs() + END_WITHIN_MS;
    const running = await client.call('jobs.list', { query: { state: 'running' } });
    for (const { job } of running) await client.call('jobs.cancel', { params: { job }, body: {} });
    while (clock.monotonicMs() < giveUpMs) {
      const left = await client.call('jobs.list', { query: { state: 'running' } });
      if (left.length === 0) return;
      await delay(clock, LOOK_EVERY_MS);
    }
  });
}

function milliseconds(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
