/** Rollouts that their operator signs himself: all that would be ordered is drawn and said, and stored once each order is signed. */
import type { SignatureMessage } from '../../proto/codec.ts';
import { MusterError } from '../../proto/errors.ts';
import { createDrafts } from '../jobs/drafts.ts';
import { checkStillMeant, draftOrderOf } from '../jobs/signed.ts';
import type { Actor, RolloutsPorts } from './ports.ts';
import type { RolloutRequest } from './request.ts';
import { earlierRollout, type PreparedRollout, prepareRollout, type Started } from './start.ts';
import { rolloutById } from './store.ts';

export interface RolloutDraft {
  rollout: string;
  untilMs: number;
  /** How long each wave soaks: its probes are orders of their own. */
  soaksMs: number[];
  /** `targets`: places in the draft's, in the order of the leaves. */
  orders: { what: string; order: Uint8Array; targets: number[] }[];
  targets: { name: string; id: string; epoch: string }[];
}

interface Drawn {
  prepared: PreparedRollout;
  request: RolloutRequest;
  idempotencyKey: string | undefined;
}

export interface SignedRollouts {
  /** Where the idempotency key started a rollout earlier: that one. Throws as rollouts.start; what checkSigner of the ports throws. */
  draft(
    request: RolloutRequest,
    actor: Actor,
    signer: Uint8Array,
    idempotencyKey?: string,
  ): Promise<{ draft: RolloutDraft } | { made: Started }>;
  /**
   * One signature for each order of the draft, in their order. Once more for a draft that was started: that rollout. Throws draft-over,
   * bad-request; what checkSignature throws; as rollouts.start.
   */
  submit(rollout: string, signatures: readonly SignatureMessage[], actor: Actor): Promise<Started>;
}

export function createSignedRollouts(ports: RolloutsPorts): SignedRollouts {
  const drafts = createDrafts<Drawn>(ports.clock);
  return {
    async draft(request, actor, signer, idempotencyKey) {
      const made = await earlierRollout(ports, request, actor, idempotencyKey);
      if (made) return { made };
      const prepared = await prepareRollout(ports, request, actor, idempotencyKey);
      for (const { prepared: order } of prepared.orders)
        ports.signers.checkSigner(actor.name, signer, order.kind);
      const expiresAtMs = Math.min(...prepared.orders.map((order) => order.prepared.expiresAtMs));
      const { untilMs } = drafts.keep(prepared.rollout, actor.name, expiresAtMs, {
        ...{ prepared, request, idempotencyKey },
      });
      return { draft: { rollout: prepared.rollout, untilMs, ...ordersOf(prepared) } };
    },
    async submit(rollout, signatures, actor) {
      try {
        return await drafts.make(rollout, actor.name, async ({ prepared, request, idempotencyKey }) => {
          ports.admit();
          const signed = checked(ports, prepared, signatures, actor);
          try {
            return await prepared.commit(signed);
          } catch (error) {
            // Two drafts with one key: the second finds what the first one made.
            const made = await earlierRollout(ports, request, actor, idempotencyKey);
            if (made) return made;
            throw error;
          }
        });
      } catch (error) {
        const [row] =
          error instanceof MusterError && error.code === 'draft-over'
            ? await ports.db.read(rolloutById({ id: rollout }))
            : [];
        if (row?.created_by !== actor.name) throw error;
        return { rollout, created: false, hosts: row.hosts_count, waves: row.waves_count };
      }
    },
  };
}

function ordersOf({ orders, waves }: PreparedRollout): Omit<RolloutDraft, 'rollout' | 'untilMs'> {
  const places = new Map<string, number>();
  const targets: RolloutDraft['targets'] = [];
  return {
    soaksMs: waves.map(({ gate }) => gate.soakMs),
    orders: orders.map(({ step, wave, prepared }) => {
      const order = draftOrderOf(prepared);
      return {
        what: nameOfOrder(step, wave),
        order: order.order,
        targets: order.targets.map((target) => {
          const known = places.get(target.id);
          if (known !== undefined) return known;
          places.set(target.id, targets.length);
          return targets.push(target) - 1;
        }),
      };
    }),
    targets,
  };
}

/** `change`, `soak 0`. */
function nameOfOrder(step: string, wave: number | null): string {
  return wave === null ? step : `${step} ${wave}`;
}

/** By the id of the job. */
function checked(
  ports: RolloutsPorts,
  { orders }: PreparedRollout,
  signatures: readonly SignatureMessage[],
  actor: Actor,
): ReadonlyMap<string, readonly SignatureMessage[]> {
  if (signatures.length !== orders.length)
    throw new MusterError('bad-request', `${signatures.length} signatures for ${orders.length} orders`);
  return new Map(
    orders.map(({ prepared }, index) => {
      const signature = signatures[index] as SignatureMessage;
      ports.signers.checkSignature(actor.name, prepared, signature);
      checkStillMeant(ports, prepared);
      return [prepared.job, [signature]];
    }),
  );
}
