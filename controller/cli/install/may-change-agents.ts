import { MusterError } from '../../../proto/errors.ts';
import type { TrustReply } from '../../api/contract.ts';
import type { Client } from '../client.ts';

/** What agents are to trust. Throws MusterError('forbidden'), before any host is touched, where this operator may not change the fleet. */
export async function mayChangeAgents(client: Pick<Client, 'call'>, toLook = false): Promise<TrustReply> {
  const { role } = await client.call('whoami', {});
  if (role !== 'admin' && !toLook)
    throw new MusterError('forbidden', `this takes an admin, and the token is of a ${role}`);
  return client.call('fleet.trust', {});
}
