/** Jobs that their operator signs himself: the controller says what it would order, and stores it once it is signed. */
import type { SignatureMessage } from '../../proto/codec.ts';
import { MusterError } from '../../proto/errors.ts';
import type { Bundles } from './bundles.ts';
import { type Created, createdOf, earlierJob, makeJob, prepareMeant } from './create.ts';
import { createDrafts } from './drafts.ts';
import type { Actor, JobsPorts } from './ports.ts';
import type { Prepared } from './prepare.ts';
import type { JobRequest } from './request.ts';
import type { Steady } from './steady.ts';
import { jobById } from './store.ts';

/** What is to be signed; everything about its targets that is in its leaves. */
export interface DraftOrder {
  order: Uint8Array;
  targets: { name: string; id: string; epoch: string }[];
}

export interface JobDraft extends DraftOrder {
  job: string;
  untilMs: number;
}

export type Ready = Created & { sent: readonly string[]; queued: readonly string[] };

export interface SignedJobs {
  /** Where the idempotency key made the job earlier: that one. Throws as createJob; what checkSigner of the ports throws. */
  draft(
    request: JobRequest,
    actor: Actor,
    signer: Uint8Array,
  ): Promise<{ draft: JobDraft } | { made: Created }>;
  /** Once more for a draft that became a job: that job. Throws draft-over; what checkSignature throws; as createJob. */
  submit(
    job: string,
    signature: SignatureMessage,
    actor: Actor,
  ): Promise<{ ready: Ready; request?: JobRequest }>;
}

export function draftOrderOf({ order, agents }: Prepared): DraftOrder {
  return { order, targets: agents.map(({ name, id, epoch }) => ({ name, id, epoch })) };
}

/** Between the draft and its signature hosts may have left, or begun anew: they would refuse it. Throws draft-over. */
export function checkStillMeant(
  { inventory }: { inventory: Pick<JobsPorts['inventory'], 'meant'> },
  { agents }: Pick<Prepared, 'agents'>,
): void {
  const now = new Map(
    inventory.meant({ among: new Set(agents.map(({ id }) => id)) }).map(({ id, epoch }) => [id, epoch]),
  );
  const changed = agents.filter(({ id, epoch }) => now.get(id) !== epoch);
  if (changed.length > 0)
    throw new MusterError(
      'draft-over',
      `${changed
        .map(({ name }) => name)
        .slice(0, 5)
        .join(', ')} left the fleet or began anew meanwhile`,
    );
}

export function createSignedJobs(ports: JobsPorts & { steady: Steady }, bundles: Bundles): SignedJobs {
  const drafts = createDrafts<{ prepared: Prepared; request: JobRequest }>(ports.clock);
  return {
    async draft(request, actor, signer) {
      const made = await earlierJob(ports, request, actor);
      if (made) return { made };
      const prepared = await prepareMeant(ports, bundles, request, actor);
      ports.signers.checkSigner(actor.name, signer, prepared.kind);
      const { untilMs } = drafts.keep(prepared.job, actor.name, prepared.expiresAtMs, { prepared, request });
      return { draft: { job: prepared.job, untilMs, ...draftOrderOf(prepared) } };
    },
    async submit(job, signature, actor) {
      try {
        return await drafts.make(job, actor.name, async ({ prepared, request }) => {
          ports.admit();
          ports.signers.checkSignature(actor.name, prepared, signature);
          checkStillMeant(ports, prepared);
          return { ready: await makeJob(ports, prepared, request, actor, [signature]), request };
        });
      } catch (error) {
        const [row] =
          error instanceof MusterError && error.code === 'draft-over'
            ? await ports.db.read(jobById({ id: job }))
            : [];
        if (row?.created_by !== actor.name) throw error;
        return { ready: { ...(await createdOf(ports, row)), sent: [], queued: [] } };
      }
    },
  };
}
