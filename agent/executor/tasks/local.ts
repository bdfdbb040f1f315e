import type { Clock } from '../../../proto/clock.ts';
import { localAccounts, processIds } from '../account.ts';
import { localPrograms } from '../program.ts';
import type { Steps } from '../step.ts';
import type { Contents } from './content.ts';
import { createScratch } from './put.ts';
import { createSteps } from './steps.ts';

/** The steps of this machine. `mark`: word characters that no other agent has, for names of what is not in its place yet. */
export function createLocalSteps(options: {
  readonly clock: Clock;
  readonly mark: string;
  readonly contents: Contents;
}): Steps {
  const { clock, mark, contents } = options;
  const self = processIds();
  return createSteps({
    clock,
    accounts: localAccounts(),
    programs: localPrograms,
    contents,
    scratch: createScratch(mark, self.uid),
    self,
  });
}
