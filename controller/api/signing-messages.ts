import type { JobBody, JobCreated } from './job-messages.ts';
import type { RolloutBody, RolloutStarted } from './rollout-messages.ts';

/** What the API says of orders that their operator signs himself, as messages.ts has the rest. */

export interface SignedBy {
  /** The id of the operator's key, in hex. */
  signer: string;
}

export interface DraftTarget {
  name: string;
  id: string;
  epoch: string;
}

/** The bytes of an order, base64, and for whom it is: places in the draft's `targets`, in the order of its leaves; null: all of them. */
export interface DraftOrder {
  /** Of a job `job`; of a rollout the step, and of which wave: `change`, `soak 0`. */
  what: string;
  order: string;
  targets: number[] | null;
}

/** What is to be signed. Once it was signed it becomes the job, or the rollout, with the id `draft`. */
export interface Draft {
  draft: string;
  /** By the controller's clock. */
  untilMs: number;
  orders: DraftOrder[];
  targets: DraftTarget[];
}

export type JobDraftBody = JobBody & SignedBy;

/** `made`: this idempotency key made the job earlier. */
export type JobDraftReply = { draft: Draft; made: null } | { draft: null; made: JobCreated };

export type RolloutDraftBody = RolloutBody & SignedBy;

/** `soaksMs`: how long each wave soaks; its probes are orders of their own. */
export type RolloutDraft = Draft & { soaksMs: number[] };
export type RolloutDraftReply = { draft: RolloutDraft; made: null } | { draft: null; made: RolloutStarted };

/** Base64, one for each order of the draft, in their order. */
export interface SignaturesBody extends SignedBy {
  signatures: string[];
}

export interface OperatorKeyBody {
  /** Hex. */
  publicKey: string;
}
export interface OperatorKeyReply {
  keyId: string;
}
export interface OperatorKeyQuery {
  /** Left out: all of them. */
  keyId?: string;
}
/** Ids of keys whose orders start nowhere any more. */
export interface KeysRevoked {
  revokedKeys: string[];
}
/** `trustedKeys`: the root key is not on the controller, so these still count. */
export interface OperatorRevoked extends KeysRevoked {
  ok: true;
  trustedKeys: string[];
}
