import { MusterError } from '../../../proto/errors.ts';
import type { RolloutBody, RolloutStarted } from '../../api/contract.ts';
import type { Client } from '../client.ts';
import { EXIT, Failure } from '../failure.ts';
import type { Surroundings } from '../surroundings.ts';
import type { SignOptions } from './create-job.ts';
import type { OperatorKey } from './operator-key.ts';

/**
 * Starts a rollout, each of its orders signed by its operator where there is a key: those that take hosts back too, so that it goes on
 * while nobody is there. The same idempotency key starts the same rollout.
 */
export async function startRollout(
  surroundings: Surroundings,
  client: Client,
  body: RolloutBody,
  {
    idempotencyKey,
    key,
    sign,
    shown,
  }: SignOptions & {
    idempotencyKey: string;
    key: OperatorKey | undefined;
    /** Names of the hosts that were shown to its operator; undefined: none were. */
    shown: ReadonlySet<string> | undefined;
  },
): Promise<RolloutStarted> {
  if (!key) return client.call('rollouts.start', { body }, { idempotencyKey });
  const drawn = await client
    .call('rollouts.draft', { body: { ...body, signer: key.id } }, { idempotencyKey })
    .catch((error: unknown) => {
      if (sign || !(error instanceof MusterError) || error.code !== 'signer-unknown') throw error;
      return undefined;
    });
  if (!drawn) {
    surroundings.stderr.write(
      'muster: not signed by you: no admin has trusted your key yet (muster operator trust)\n',
    );
    return client.call('rollouts.start', { body }, { idempotencyKey });
  }
  if (drawn.made) return drawn.made;
  // Whoever says that this key has the hosts already has to have what it started.
  if (!shown)
    throw new Failure(
      EXIT.refused,
      'nothing was signed or started: another rollout has the hosts, and none was started by this idempotency key',
      'see "muster rollout ls --state open"',
    );
  const { draft } = drawn;
  const [{ signDraft }, { wantedOrders }] = await Promise.all([
    import('./sign-draft.ts'),
    import('./wanted-orders.ts'),
  ]);
  const signed = signDraft(surroundings, key, draft, wantedOrders(body, draft, shown));
  return client.call('rollouts.submit', { params: { rollout: draft.draft }, body: signed });
}
