import type { Account } from './account.ts';
import type { RunSpec } from './run.ts';

export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Every process of a job carries it, so that those that left their session and their parents are found again. */
export function jobMark(jobId: string): string {
  return `MUSTER_JOB=${jobId}`;
}

/** What every command finds, whatever the agent's own environment is. */
export function baseEnvironment(account: Account, spec: RunSpec): Record<string, string> {
  return {
    PATH: DEFAULT_PATH,
    HOME: account.home,
    USER: account.name,
    LOGNAME: account.name,
    SHELL: account.shell,
    LANG: 'C.UTF-8',
    MUSTER_JOB: spec.jobId,
    MUSTER_ATTEMPT: String(spec.attempt),
  };
}

/** What the order adds. Muster's own names are not its to set. */
export function orderedEnvironment(spec: RunSpec): Record<string, string> {
  return Object.fromEntries(Object.entries(spec.env).filter(([name]) => !name.startsWith('MUSTER_')));
}

/** What a shell sets, refuses or acts upon by itself, and names that it does not know; no places for secrets. */
const NOT_BY_SHELL =
  /^(_|OPTIND|LINENO|PPID|UID|EUID|GROUPS|SHLVL|SHELLOPTS|BASH(OPTS|PID|_[A-Z0-9_]+)?|S?RANDOM|SECONDS|EPOCH(REALTIME|SECONDS)|HISTCMD|DIRSTACK|FUNCNAME|PIPESTATUS|COMP_WORDBREAKS|LANG|LC_.*|.*[^A-Za-z0-9_].*)$/s;

/** Whether a shell can give a command this variable as it is. */
export function isForShell(name: string): boolean {
  return !NOT_BY_SHELL.test(name);
}

/** Why a variable cannot be set, or undefined. */
export function variableProblem(name: string, value: string): string | undefined {
  if (!/^[A-Za-z_][^=\0]*$/.test(name))
    return `${JSON.stringify(name)} is not the name of an environment variable`;
  if (value.includes('\0')) return `the environment variable ${name} holds a NUL byte`;
  return undefined;
}
