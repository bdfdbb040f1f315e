import type { Clock } from '../../../proto/clock.ts';
import { probeSockets } from '../../../proto/probe-socket.ts';
import { localAccounts, processIds } from '../account.ts';
import { localPrograms } from '../program.ts';
import type { Steps } from '../step.ts';
import type { Contents } from './content.ts';
import { createScratch } from './put.ts';
import type { RebootPorts } from './reboot.ts';
import { createSteps, type TaskPorts } from './steps.ts';
import type { Turns } from './turns.ts';
import type { UninstallPorts } from './uninstall.ts';

/** The steps of this machine. */
export function createLocalSteps(options: {
  readonly clock: Clock;
  /** Word characters that no other agent has, for names of what is not in its place yet. */
  readonly mark: string;
  readonly contents: Contents;
  readonly turns: Turns;
  readonly upgrade: TaskPorts['upgrade'] | undefined;
  packages: TaskPorts['packages'];
  /** Both throw MusterError('policy-denied'). */
  checkWrite(path: string): void;
  checkRead(path: string): void;
  leave: UninstallPorts['leave'];
  whyReboot: RebootPorts['whyReboot'];
}): Steps {
  const self = processIds();
  return createSteps({
    ...options,
    accounts: localAccounts(),
    programs: localPrograms,
    sockets: probeSockets,
    scratch: createScratch(options.mark, self.uid),
    self,
    rebootCommand: localPrograms.isDirectory('/run/systemd/system') ? ['systemctl', 'reboot'] : ['reboot'],
  });
}
