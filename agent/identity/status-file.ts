import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** What a running agent leaves for `muster-agent status`. Not durable: without its process it says nothing. */
export interface AgentStatus {
  readonly pid: number;
  /** When the process began, as the kernel counts it: a pid alone may be another's by now. */
  readonly startTicks: string;
  readonly state: 'connected' | 'connecting' | 'waiting' | 'removing';
  readonly url?: string;
  readonly sinceMs: number;
  /** Why it is not connected. */
  readonly reason?: string;
}

export function writeStatus(path: string, status: AgentStatus): void {
  writeFileSync(`${path}.tmp`, `${JSON.stringify(status)}\n`, { mode: 0o644 });
  renameSync(`${path}.tmp`, path);
}

export function removeStatus(path: string): void {
  rmSync(path, { force: true });
}

/** The status of the agent that runs on this home, or undefined when none does. */
export function readStatus(path: string): AgentStatus | undefined {
  try {
    const status = JSON.parse(readFileSync(path, 'utf8')) as AgentStatus;
    return startTicksOf(status.pid) === status.startTicks ? status : undefined;
  } catch {
    return undefined;
  }
}

/** Field 22 of /proc/PID/stat; undefined when there is no such process, or one that has ended and that nobody waits for. */
export function startTicksOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in brackets, and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
