import { MusterError } from '../../proto/errors.ts';
import type { Account, Accounts } from './account.ts';
import { DEFAULT_PATH, variableProblem } from './environment.ts';
import type { Programs } from './program.ts';
import { type CheckedRun, isCommand, type RunSpec, type Task } from './run.ts';

/**
 * Finds what would keep a run from starting on this machine. Throws MusterError: bad-task, no-such-user,
 * cannot-switch-user, no-such-directory.
 */
export async function checkSpec(
  spec: RunSpec,
  machine: { accounts: Accounts; programs: Programs },
): Promise<CheckedRun> {
  const problem = specProblem(spec);
  if (problem) throw new MusterError('bad-task', problem);
  const { account, otherUser } = await findAccount(spec.user, machine);
  if (otherUser) refuseSteps(spec);
  return { spec, account, otherUser, cwd: findDirectory(spec.cwd, account, machine.programs) };
}

async function findAccount(
  user: string,
  { accounts, programs }: { accounts: Accounts; programs: Programs },
): Promise<{ account: Account; otherUser: boolean }> {
  const self = accounts.self();
  if (user === '' || user === self.name) return { account: self, otherUser: false };
  const account = await accounts.find(user);
  if (!account) throw new MusterError('no-such-user', user);
  if (account.uid === self.uid && account.gid === self.gid) return { account, otherUser: false };
  if (self.uid !== 0)
    throw new MusterError('cannot-switch-user', `the agent runs as ${self.name}, not as root`);
  if ('exitCode' in programs.find('setpriv', DEFAULT_PATH, '/'))
    throw new MusterError('cannot-switch-user', 'needs setpriv of util-linux');
  return { account, otherUser: true };
}

/** These would be done with the agent's rights, which is not what was asked for. */
function refuseSteps({ tasks, user }: RunSpec): void {
  const step = tasks.flatMap((task) => [task, ...(task.undo?.tasks ?? [])]).find((task) => !isCommand(task));
  if (!step) return;
  const whose = step.kind === 'file' || step.kind === 'tree' ? '; "owner" says whose a file is to be' : '';
  throw new MusterError(
    'bad-task',
    `tasks of kind ${step.kind} are done as the agent's own user, not as ${user}${whose}`,
  );
}

function findDirectory(cwd: string, account: Account, programs: Programs): string {
  if (cwd === '') return programs.isDirectory(account.home) ? account.home : '/';
  if (!cwd.startsWith('/')) throw new MusterError('no-such-directory', `${cwd} is not an absolute path`);
  if (!programs.isDirectory(cwd)) throw new MusterError('no-such-directory', cwd);
  return cwd;
}

/** What no machine could carry out, so that it is refused whole and before anything starts. */
function specProblem(spec: RunSpec): string | undefined {
  if (!/^[0-9a-f]{32}$/.test(spec.jobId)) return 'the job id is not 32 hex digits';
  if (spec.tasks.length === 0) return 'there is no task';
  if (spec.cwd.includes('\0')) return 'the working directory holds a NUL byte';
  for (const [name, value] of Object.entries(spec.env)) {
    const problem = variableProblem(name, value);
    if (problem) return problem;
  }
  for (const [index, task] of spec.tasks.entries()) {
    const problem = [task, ...(task.undo?.tasks ?? [])].map(taskProblem).find((one) => one !== undefined);
    if (problem) return `task ${index + 1}: ${problem}`;
  }
  return undefined;
}

/** What no command can be given; the steps' own shape was checked with their order. */
function taskProblem(task: Task): string | undefined {
  if (!isCommand(task)) return undefined;
  const words = task.kind === 'command' ? task.argv : task.kind === 'shell' ? [task.line] : task.args;
  if (words.some((word) => word.includes('\0'))) return 'an argument holds a NUL byte';
  if (task.kind === 'command' && !task.argv[0]) return 'the command has no name';
  return undefined;
}
