/** A controller and agents as separate real processes, on a folder of one file system. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Client, createClient } from '../../controller/cli/client.ts';
import { until } from '../support/until.ts';
import type { AgentMoments, AgentRequests } from './agent-process.ts';
import { type Child, sharedMs, startChild } from './child.ts';
import type { ControllerRequests, Moments } from './controller-process.ts';
import { type Cpu, cpuOf } from './proc.ts';

export const bin = (name: 'muster' | 'muster-agent'): string =>
  resolve(import.meta.dirname, '../../bin', name);

export interface World {
  readonly home: string;
  readonly client: Client;
  readonly controller: Child<ControllerRequests>;
  /** `bin/muster-agent run`. */
  readonly agent: ChildProcess;
  /** Runs a command on that agent (`marked`: the one that says its stages) and waits for the report's commit. */
  run(agent: 'real' | 'marked', argv: readonly string[]): Promise<Timed>;
  /** Milliseconds so far. */
  cpu(): Promise<{ controllerMs: number; agent: Cpu }>;
  stop(): Promise<void>;
}

export interface Timed extends Moments {
  /** When the client began to ask. */
  readonly asked: number;
  /** From the start to the end of the run, as the agent reports it. */
  readonly ranMs: number;
  /** Empty for the real agent. */
  readonly agent: AgentMoments;
}

/** How long after a command nothing is measured: spares are made and reports verified meanwhile. */
export const AFTERMATH_MS = 80;

export async function startWorld(parent: string): Promise<World> {
  const folder = mkdtempSync(join(parent, 'muster-bench-'));
  const home = join(folder, 'controller');
  const controller: Child<ControllerRequests> = await startChild('controller-process.ts');
  await controller.ask('start', home);
  const client = createClient(JSON.parse(readFileSync(join(home, 'context.json'), 'utf8')));
  for (const name of ['real', 'marked']) await joinFleet(client, name, join(folder, name));
  const agent = spawn(bin('muster-agent'), ['run'], {
    stdio: 'ignore',
    env: { ...process.env, MUSTER_AGENT_HOME: join(folder, 'real') },
  });
  const marked: Child<AgentRequests> = await startChild('agent-process.ts', ['--optimize-for-size']);
  await marked.ask('start', join(folder, 'marked'));
  await until('both agents are online', async () =>
    (await client.call('agents.list', { query: {} })).every(({ online }) => online),
  );
  return {
    home,
    client,
    controller,
    agent,
    async run(name, argv) {
      const asked = sharedMs();
      const { job } = await client.call('jobs.create', {
        body: { targets: name, tasks: [{ command: { argv: [...argv] } }] },
      });
      const moments = await controller.ask('moments', job);
      const { runs } = await client.call('jobs.show', { params: { job } });
      const [run] = runs;
      if (run?.state !== 'succeeded') throw new Error(`${argv.join(' ')} ${run?.state}: ${run?.reason}`);
      const inner = name === 'marked' ? await marked.ask('moments') : {};
      await wait(AFTERMATH_MS);
      return { ...moments, asked, ranMs: run.durationMs ?? Number.NaN, agent: inner };
    },
    cpu: async () => ({
      controllerMs: (await controller.ask('cpu')) / 1000,
      agent: cpuOf(agent.pid ?? 0),
    }),
    async stop() {
      client.close();
      await marked.stop();
      await ended(agent);
      await controller.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Joins with a single-use token, over wss. */
async function joinFleet(client: Client, name: string, home: string): Promise<void> {
  const { token } = await client.call('tokens.create', { body: { name } });
  const joining = spawn(bin('muster-agent'), ['join', '--token-file', '-', '--name', name], {
    stdio: ['pipe', 'ignore', 'inherit'],
    env: { ...process.env, MUSTER_AGENT_HOME: home },
  });
  joining.stdin.end(token);
  const status = await new Promise((done) => joining.once('exit', done));
  if (status !== 0) throw new Error(`muster-agent join: status ${status}`);
}

/** Asks a program to end, and waits until it has. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  await gone;
}
