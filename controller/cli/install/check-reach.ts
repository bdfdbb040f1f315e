import { wrongUse } from '../failure.ts';
import type { Surroundings } from '../surroundings.ts';
import type { ReachOptions } from './request.ts';
import { checkSecretOptions } from './secrets.ts';

/** What of these options cannot be, told before anything is done. Throws a Failure (wrong use). */
export function checkReach(surroundings: Surroundings, options: ReachOptions): void {
  const { stdin, stderr } = surroundings;
  checkSecretOptions(surroundings, options);
  if (options.hostKeyPolicy === 'ask' && (!stdin.isTerminal || !stderr.isTerminal))
    throw wrongUse(
      '--host-key-policy ask: there is no terminal to ask at',
      'put the keys into known_hosts, or use accept-new',
    );
}
