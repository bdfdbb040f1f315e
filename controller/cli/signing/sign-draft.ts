import type { Draft, SignaturesBody } from '../../api/contract.ts';
import type { Surroundings } from '../surroundings.ts';
import { checkDraft, type Wanted } from './check.ts';
import type { OperatorKey } from './operator-key.ts';

/**
 * Signs each order of a draft, after all of them were found to be what was asked for. Throws a Failure that says what is not, and then
 * signs nothing.
 */
export function signDraft(
  { clock }: Pick<Surroundings, 'clock'>,
  key: OperatorKey,
  draft: Draft,
  wanted: readonly Wanted[],
): SignaturesBody {
  const orders = checkDraft(draft, wanted, { fleetId: key.fleetId, nowMs: clock.now() });
  return {
    signer: key.id,
    signatures: orders.map((order) => Buffer.from(key.sign(order).signature).toString('base64')),
  };
}
