/** An adapter: starts `muster-agent` beside this program as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EXIT, Failure } from './failure.ts';

export interface AgentProcess {
  /** Resolves with the exit status (128 + n after signal n is told as 1) once it has ended. */
  ended: Promise<number>;
  terminate(): void;
}

/** `bin/muster-agent` of the checkout or package that this program is part of. */
export function agentProgram(ownProgram: string): string {
  for (let folder = dirname(ownProgram); ; folder = dirname(folder)) {
    const candidate = join(folder, 'bin', 'muster-agent');
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) break;
  }
  throw new Failure(EXIT.refused, 'bin/muster-agent is not beside this program');
}

export interface AgentProcessOptions {
  program: string;
  args: readonly string[];
  home: string;
  /** What it writes goes there; it is appended. */
  logFile: string;
  /** Written to its standard input, for what must not stand on a command line. */
  input?: string;
}

/** In a session of its own: Ctrl-C at this terminal is this program's to handle. */
export function startAgentProcess(options: AgentProcessOptions): AgentProcess {
  const log = openSync(options.logFile, 'a', 0o600);
  const child: ChildProcess = spawn(options.program, options.args, {
    detached: true,
    stdio: [options.input === undefined ? 'ignore' : 'pipe', log, log],
    env: { ...process.env, MUSTER_AGENT_HOME: options.home },
  });
  closeSync(log);
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
  child.stdin?.on('error', () => {}); // it ended before it read; its status says so
  child.stdin?.end(options.input);
  return { ended, terminate: () => void child.kill('SIGTERM') };
}
