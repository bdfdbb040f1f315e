import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, createClient } from '../../controller/cli/client.ts';
import type { Context } from '../../controller/cli/context.ts';
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
  /** Standard input stays open, to be written to. */
  keepInput?: boolean;
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
  else if (!options.keepInput) child.stdin.end();
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
  readonly name: string;
  readonly home: string;
  /** The one that runs, or ran last. */
  process: Running;
  /** Ends it and waits. */
  stop(signal?: NodeJS.Signals): Promise<Finished>;
  /** Starts it again on the same home, and does not wait for it. */
  begin(): void;
  /** Starts another program as this agent, with `run` and its flags. */
  beginAs(program: readonly string[], env?: Record<string, string>): Running;
  /** Starts it again and waits until it is online. */
  restart(): Promise<void>;
}

export interface AgentOptions {
  /** Arguments of `join`. */
  join?: readonly string[];
  /** Arguments of `run`. */
  flags?: readonly string[];
  /** What the agent is started by, as `ip netns exec`; it has to become the agent by exec. */
  by?: readonly string[];
  home?: string;
}

export interface FleetOptions {
  by?: readonly string[];
  /** An address of the controller; default: loopback. */
  host?: string;
  /** Default: a new folder. */
  home?: string;
  /** Of `muster serve`. */
  flags?: readonly string[];
}

export interface TestFleet {
  readonly folder: string;
  readonly home: string;
  url: string;
  controller: Running;
  muster(args: readonly string[], options?: RunOptions): Promise<Finished>;
  /** The same, with its standard output read as one JSON document. */
  json<T>(args: readonly string[]): Promise<T>;
  begin(args: readonly string[], options?: RunOptions): Running;
  /** The operators' API, without a process for each call. */
  readonly client: Client;
  token(...args: string[]): Promise<string>;
  agent(name: string, ...joinArgs: string[]): Promise<AgentHandle>;
  agentWith(name: string, options: AgentOptions): Promise<AgentHandle>;
  online(name: string, wanted: boolean, withinMs?: number): Promise<unknown>;
  stopController(signal?: NodeJS.Signals): Promise<Finished>;
  startController(): Promise<void>;
}

/** A real controller on loopback and real agents, each a process and a home of its own. */
export async function startFleet(test: Test, options: FleetOptions = {}): Promise<TestFleet> {
  // What was started last ends first, and the folder goes last.
  const ends: (() => unknown)[] = [];
  const t: Test = { after: (fn) => void ends.push(fn) };
  test.after(async () => {
    for (const end of ends.reverse()) await end();
  });
  const folder = temporaryFolder(t);
  t.after(() => endProcessesOf(folder));
  const home = options.home ?? join(folder, 'controller');
  const env = { MUSTER_HOME: home, MUSTER_URL: '', MUSTER_TOKEN_FILE: '' };
  let listen = `${options.host ?? '127.0.0.1'}:0`;
  let client: Client | undefined;
  const begin = (args: readonly string[], more: RunOptions = {}): Running =>
    startBy(t, options.by, MUSTER, args, { ...more, env: { ...env, ...more.env } });
  const muster = (args: readonly string[], more: RunOptions = {}): Promise<Finished> =>
    begin(args, more).ended;

  /** Without a process, unless the controller is in a namespace of its own. */
  const presences = (): Promise<{ name: string; online: boolean }[]> =>
    options.by?.[0] === 'ip'
      ? fleet.json(['agents', '--json'])
      : fleet.client.call('agents.list', { query: {} });

  const fleet: TestFleet = {
    folder,
    home,
    url: '',
    controller: undefined as unknown as Running,
    muster,
    begin,
    get client() {
      if (!client) throw new Error('the controller has not been started');
      return client;
    },
    async json<T>(args: readonly string[]) {
      const { stdout, stderr, status } = await muster(args);
      if (status !== 0) throw new Error(`muster ${args.join(' ')}: status ${status}: ${stderr}`);
      return JSON.parse(stdout) as T;
    },
    async token(...args) {
      return (await fleet.json<{ token: string }>(['token', 'create', '--json', ...args])).token;
    },
    agent: (name, ...join) => fleet.agentWith(name, { join }),
    async agentWith(name, { join: joinArgs = [], flags = [], by, ...more }) {
      const agentHome = more.home ?? join(folder, `agent-${name}`);
      mkdirSync(agentHome, { mode: 0o700, recursive: true });
      const agentEnv = { MUSTER_AGENT_HOME: agentHome };
      const tokenFile = join(folder, `${name}.token`);
      writeFileSync(tokenFile, await fleet.token(), { mode: 0o600 });
      const words = ['join', '--token-file', tokenFile, '--name', name, ...joinArgs];
      const joined = await startBy(t, by, MUSTER_AGENT, words, { env: agentEnv }).ended;
      if (joined.status !== 0) throw new Error(`join failed: ${joined.stderr}`);
      const run = (): Running => startBy(t, by, MUSTER_AGENT, ['run', ...flags], { env: agentEnv });
      const handle: AgentHandle = {
        name,
        home: agentHome,
        process: run(),
        async stop(signal = 'SIGTERM') {
          handle.process.child.kill(signal);
          return handle.process.ended;
        },
        begin() {
          handle.process = run();
        },
        beginAs([program = '', ...words], more = {}) {
          handle.process = startBy(t, by, program, [...words, 'run', ...flags], {
            env: { ...agentEnv, ...more },
          });
          return handle.process;
        },
        async restart() {
          handle.begin();
          await fleet.online(name, true);
        },
      };
      await fleet.online(name, true);
      return handle;
    },
    online: (name, wanted, withinMs = 30_000) =>
      until(
        `${name} is ${wanted ? 'online' : 'offline'}`,
        async () => (await presences()).some((agent) => agent.name === name && agent.online === wanted),
        withinMs,
      ),
    async stopController(signal = 'SIGTERM') {
      fleet.controller.child.kill(signal);
      return fleet.controller.ended;
    },
    async startController() {
      fleet.controller = begin(['serve', '--listen', listen, ...(options.flags ?? [])]);
      await until(
        'the controller is ready',
        async () => {
          if (fleet.controller.child.exitCode !== null) throw new Error(fleet.controller.stderr());
          return fleet.controller.stderr().includes('controller ready');
        },
        30_000,
      );
      const context = JSON.parse(readFileSync(join(home, 'context.json'), 'utf8')) as Context;
      fleet.url = context.url;
      listen = new URL(fleet.url).host;
      client?.close();
      client = createClient(context);
    },
  };
  t.after(() => client?.close());
  await fleet.startController();
  return fleet;
}

function startBy(
  t: Test,
  by: readonly string[] = [],
  program: string,
  args: readonly string[],
  options: RunOptions,
): Running {
  const [first = program, ...rest] = [...by, program, ...args];
  return start(t, first, rest, options);
}

/** Ends, by their pids, the shims in this folder, what they started and what names it: commands outlive their agent. */
export function endProcessesOf(folder: string): void {
  for (const pid of processesOf(folder)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {}
  }
}

/** Pids of processes that work in a folder or below, or were given its name in their environment, and their children. */
export function processesOf(folder: string): number[] {
  const found = new Set<number>();
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      parents.set(pid, Number(stat.slice(stat.lastIndexOf(')') + 4).split(' ')[0]));
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
      if (readlinkSync(`/proc/${pid}/cwd`).startsWith(folder) || environment.includes(folder)) found.add(pid);
    } catch {}
  }
  for (let grown = true; grown; ) {
    grown = false;
    for (const [pid, parent] of parents) {
      if (!found.has(parent) || found.has(pid)) continue;
      found.add(pid);
      grown = true;
    }
  }
  return [...found];
}

/** Whether this process does anything: a zombie that nobody has reaped yet does not. */
export function lives(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Every line of NDJSON. */
export function lines<T>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
