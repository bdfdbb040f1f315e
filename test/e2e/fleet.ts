import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../support/folder.ts';
import { until } from '../support/until.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
export const MUSTER = join(ROOT, 'bin', 'muster');
export const MUSTER_AGENT = join(ROOT, 'bin', 'muster-agent');

export interface Finished {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  /** What it has written so far. */
  stdout(): string;
  stderr(): string;
  ended: Promise<Finished>;
}

interface Test {
  after(fn: () => unknown): void;
}

export interface RunOptions {
  env?: Record<string, string>;
  input?: string | Uint8Array;
  cwd?: string;
}

/** Starts a program; whatever happens, it is gone when the test ends. */
export function start(t: Test, program: string, args: readonly string[], options: RunOptions = {}): Running {
  const child = spawn(program, args, {
    env: { ...process.env, ...options.env },
    cwd: options.cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (data: Buffer) => out.push(data));
  child.stderr.on('data', (data: Buffer) => err.push(data));
  child.stdin.on('error', () => {});
  if (options.input !== undefined) child.stdin.end(options.input);
  else child.stdin.end();
  const stdout = (): string => Buffer.concat(out).toString();
  const stderr = (): string => Buffer.concat(err).toString();
  const ended = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve({ status, signal, stdout: stdout(), stderr: stderr() }));
  });
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended.catch(() => {});
  });
  return { child, stdout, stderr, ended };
}

export interface AgentHandle {
  name: string;
  home: string;
  process: Running;
  /** Ends it and waits. */
  stop(signal?: NodeJS.Signals): Promise<Finished>;
  /** Starts it again on the same home. */
  restart(): Promise<void>;
}

export interface TestFleet {
  home: string;
  url: string;
  controller: Running;
  muster(args: readonly string[], options?: RunOptions): Promise<Finished>;
  /** The same, with its standard output read as one JSON document. */
  json<T>(args: readonly string[]): Promise<T>;
  begin(args: readonly string[], options?: RunOptions): Running;
  token(...args: string[]): Promise<string>;
  agent(name: string, ...joinArgs: string[]): Promise<AgentHandle>;
  stopController(signal?: NodeJS.Signals): Promise<Finished>;
  startController(): Promise<void>;
}

/** A real controller on loopback and real agents, each a process and a home of its own. */
export async function startFleet(t: Test): Promise<TestFleet> {
  const folder = temporaryFolder(t);
  const home = join(folder, 'controller');
  const env = { MUSTER_HOME: home, MUSTER_URL: '', MUSTER_TOKEN_FILE: '' };
  let listen = '127.0.0.1:0';
  const muster = (args: readonly string[], options: RunOptions = {}): Promise<Finished> =>
    start(t, MUSTER, args, { ...options, env: { ...env, ...options.env } }).ended;

  const fleet: TestFleet = {
    home,
    url: '',
    controller: undefined as unknown as Running,
    muster,
    async json<T>(args: readonly string[]) {
      const { stdout, stderr, status } = await muster(args);
      if (status !== 0) throw new Error(`muster ${args.join(' ')}: status ${status}: ${stderr}`);
      return JSON.parse(stdout) as T;
    },
    begin: (args, options = {}) => start(t, MUSTER, args, { ...options, env: { ...env, ...options.env } }),
    async token(...args) {
      return (await fleet.json<{ token: string }>(['token', 'create', '--json', ...args])).token;
    },
    async agent(name, ...joinArgs) {
      const agentHome = join(folder, `agent-${name}`);
      mkdirSync(agentHome, { mode: 0o700 });
      const agentEnv = { MUSTER_AGENT_HOME: agentHome };
      const tokenFile = join(folder, `${name}.token`);
      writeFileSync(tokenFile, await fleet.token(), { mode: 0o600 });
      const join_ = ['join', '--token-file', tokenFile, '--name', name, ...joinArgs];
      const joined = await start(t, MUSTER_AGENT, join_, { env: agentEnv }).ended;
      if (joined.status !== 0) throw new Error(`join failed: ${joined.stderr}`);
      const handle: AgentHandle = {
        name,
        home: agentHome,
        process: start(t, MUSTER_AGENT, ['run'], { env: agentEnv }),
        async stop(signal = 'SIGTERM') {
          handle.process.child.kill(signal);
          return handle.process.ended;
        },
        async restart() {
          handle.process = start(t, MUSTER_AGENT, ['run'], { env: agentEnv });
          await online(name, true);
        },
      };
      await online(name, true);
      return handle;
    },
    async stopController(signal = 'SIGTERM') {
      fleet.controller.child.kill(signal);
      return fleet.controller.ended;
    },
    async startController() {
      fleet.controller = start(t, MUSTER, ['serve', '--listen', listen], { env });
      await until('the controller is ready', async () => {
        if (fleet.controller.child.exitCode !== null) throw new Error(fleet.controller.stderr());
        return (await muster(['status'])).status === 0;
      });
      fleet.url = (JSON.parse(readFileSync(join(home, 'context.json'), 'utf8')) as { url: string }).url;
      listen = new URL(fleet.url).host;
    },
  };
  const online = (name: string, wanted: boolean): Promise<unknown> =>
    until(`${name} is ${wanted ? 'online' : 'offline'}`, async () => {
      const agents = await fleet.json<{ name: string; online: boolean }[]>(['agents', '--json']);
      return agents.some((agent) => agent.name === name && agent.online === wanted);
    });
  await fleet.startController();
  return fleet;
}

/** Every line of NDJSON. */
export function lines<T>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
