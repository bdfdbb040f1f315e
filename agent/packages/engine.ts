import { MusterError } from '../../proto/errors.ts';
import { history, plan, scan } from './answers.ts';
import { apply, ensure, revert, setHeld } from './changes.ts';
import type { Desk, PackagesResult, PackagesTask } from './desk.ts';
import { detectManager } from './detect.ts';
import { keptVersions, type PackagesDisk } from './home.ts';
import type { Host } from './host.ts';
import { createHost, type Machine, type PackagesRun } from './run-host.ts';

export interface Packages {
  /** Never rejects, but with the reason of the run's signal. Tasks of this agent take turns. */
  carryOut(task: PackagesTask, run: PackagesRun): Promise<PackagesResult>;
}

export function createPackages(machine: Machine, disk: PackagesDisk): Packages {
  let last: Promise<unknown> = Promise.resolve();
  const kept = keptVersions(disk);

  async function carryOut(task: PackagesTask, run: PackagesRun): Promise<PackagesResult> {
    const { action } = task;
    const host = createHost(run, machine, action === 'scan' || action === 'plan' || action === 'history');
    const begun = { change: false };
    try {
      if (run.checked.account.uid !== 0)
        throw new MusterError('cannot-switch-user', 'packages are a matter of root; leave the user out');
      const manager = await detectManager(noting(host, begun));
      if (!manager) throw new MusterError('no-package-manager');
      return await act({
        ...{ host, manager, task, disk, kept, isCheck: run.spec.check },
        key: `${run.spec.jobId}-${run.index}`,
        answer: (document) => run.write('stdout', Buffer.from(`${JSON.stringify(document)}\n`)),
      });
    } catch (cause) {
      run.signal.throwIfAborted();
      const code = cause instanceof MusterError ? { code: cause.code } : {};
      const reason = cause instanceof Error ? cause.message : String(cause);
      return { state: 'failed', reason, ...code, ...(!begun.change && { change: 'unchanged' }) };
    }
  }

  return {
    async carryOut(task, run) {
      const before = last;
      const turn = Promise.withResolvers<void>();
      last = before.then(() => turn.promise);
      try {
        await Promise.race([before, aborted(run.signal)]);
        return await carryOut(task, run);
      } finally {
        turn.resolve();
      }
    },
  };
}

/** The manager's host, which notes whether anything that changes packages was begun. */
function noting(host: Host, begun: { change: boolean }): Host {
  return {
    ...host,
    run(part, command) {
      if (part === 'mend') begun.change = true;
      return host.run(part, command);
    },
  };
}

function act(desk: Desk): Promise<PackagesResult> {
  switch (desk.task.action) {
    case 'scan':
      return scan(desk);
    case 'plan':
      return plan(desk);
    case 'history':
      return history(desk);
    case 'apply':
      return apply(desk);
    case 'revert':
      return revert(desk);
    case 'ensure':
      return ensure(desk);
    case 'hold':
    case 'unhold':
      return setHeld(desk, desk.task.action === 'hold');
    default:
      throw new MusterError('bad-task', `packages cannot be ${desk.task.action}`);
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
