import type { RolloutBody, RolloutStarted } from '../../api/contract.ts';
import type { Client } from '../client.ts';
import { EXIT, Failure } from '../failure.ts';
import type { Surroundings } from '../surroundings.ts';
import { drawn, type SignOptions } from './create-job.ts';
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
  const draw =
    key && client.call('rollouts.draft', { body: { ...body, signer: key.id } }, { idempotencyKey });
  const told = draw && (await drawn(surroundings, { ...(sign !== undefined && { sign }) }, draw));
  if (!key || !told) return client.call('rollouts.start', { body }, { idempotencyKey });
  if (told.made) return told.made;
  // Whoever says that this key has the hosts already has to have what it started.
  if (!shown)
    throw new Failure(
      EXIT.refused,
      'nothing was signed or started: another rollout has the hosts, and none was started by this idempotency key',
      'see "muster rollout ls --state open"',
    );
  const { draft } = told;
  const [{ signDraft }, { wantedOrders }] = await Promise.all([
    import('./sign-draft.ts'),
    import('./wanted-orders.ts'),
  ]);
  const signed = signDraft(surroundings, key, draft, wantedOrders(body, draft, shown));
  return client.call('rollouts.submit', { params: { rollout: draft.draft }, body: signed });
}
