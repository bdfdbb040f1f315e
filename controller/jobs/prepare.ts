import { seal, signOrder } from '../../proto/bundle.ts';
import type { SignatureMessage } from '../../proto/codec.ts';
import { hmacSha512 } from '../../proto/crypto.ts';
import { MusterError } from '../../proto/errors.ts';
import { toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import type { Statement } from '../db/database.ts';
import { insertBundles, insertParams } from './bundle-store.ts';
import type { Bundles } from './bundles.ts';
import { DEFAULTS, deadlineOf } from './due.ts';
import { drawOrder } from './order.ts';
import { insertPace } from './pace-store.ts';
import type { Actor, JobAgent, JobsPorts } from './ports.ts';
import { remembered } from './remembered.ts';
import {
  changesAgents,
  describeAsked,
  type JobRequest,
  namedIn,
  timesOf,
  titleOfJob,
  undoMs,
} from './request.ts';
import type { Steady } from './steady.ts';
import { countRuns, insertEvents, insertJobs, insertRuns } from './store.ts';
import { kindOf, nameOf } from './task.ts';
import { jobEvent } from './transition.ts';
import { step } from './window.ts';

/** A job that was thought through to the bytes of its order, and of which nothing is stored yet. */
export interface Prepared {
  readonly job: string;
  /** What its signers sign. */
  readonly order: Uint8Array;
  /** Of the order: who may sign it is said by kind. */
  readonly kind: string;
  readonly expiresAtMs: number;
  readonly agents: readonly JobAgent[];
  /** Bytes for one agent alone, by its id, as they stand in its leaf. */
  readonly params: ReadonlyMap<string, Uint8Array>;
  readonly tasks: readonly string[];
  /**
   * The batch that makes it, whole; to be written at once. Runs of agents that are online are stored as `sent` before anything is sent: a
   * crash in between sends them again, and agents know the job by then. The controller signs beside whoever else did.
   */
  statements(signatures?: readonly SignatureMessage[]): Statement[];
  /** To be called once that batch is durable: whose run is `sent`, and whose turn it is and was away. */
  written(): { sent: readonly string[]; queued: readonly string[] };
}

/** A job whose runs wait until somebody gives each its turn, for at most `lifeMs`. */
export interface Held {
  lifeMs: number;
}

/**
 * Throws MusterError: nobody-matched, bad-request, too-large, no-such-content, store-full, forbidden (also where it repeats what an
 * admin ordered).
 */
export async function prepareJob(
  ports: JobsPorts & { steady: Steady },
  bundles: Bundles,
  request: JobRequest,
  actor: Actor,
  /** In the order of their turns. */
  agentsMeant: () => Promise<readonly JobAgent[]>,
  held?: Held,
): Promise<Prepared> {
  if (changesAgents(request.tasks) && actor.role !== 'admin')
    throw new MusterError('forbidden', 'agents are upgraded and uninstalled by admins');
  ports.admit();
  const jobId = ports.random(LIMITS.jobIdBytes);
  const id = toHex(jobId);
  // It may read a manifest for a while; whoever comes online meanwhile is found by what follows.
  const claims = await ports.contents.claim(id, namedIn(request.tasks));
  const agents = await agentsMeant();
  if (agents.length === 0) throw new MusterError('nobody-matched', describeAsked(request));
  const nowMs = ports.clock.now();
  const asked = timesOf(request);
  const times = { ...asked, timeoutMs: asked.timeoutMs + undoMs(request) };
  const { attempts = 1 } = request;
  const { message, bytes, tree, params, pace, lifeMs } = drawOrder(request, agents, {
    ...{ fleetId: ports.fleetId, jobId, nowMs, heldMs: held?.lifeMs },
  });
  const turns = new Set(
    step({ inFlight: 0, waiting: agents.map((agent) => agent.id), failures: 0 }, pace).take,
  );
  const after = { add: (): void => {}, sent: [] as string[], queued: [] as string[] };

  function statements(signatures: readonly SignatureMessage[] = []): Statement[] {
    const own = signOrder(bytes, 'controller', ports.controllerKey());
    const sealed = seal(bytes, [own, ...signatures], ports.random);
    const writtenMs = ports.clock.now();
    const steadyMs = ports.steady.now();
    const orderEndMs = steadyMs + Math.max(0, nowMs + lifeMs - writtenMs);
    const runs = agents.map((agent) => {
      const hasTurn = turns.has(agent.id);
      const isOnline = ports.inventory.get(agent.id)?.online ?? false;
      const state = hasTurn && isOnline ? 'sent' : 'queued';
      const sendByMs = hasTurn ? steadyMs + times.ttlMs : orderEndMs;
      const deadlineAtMs = deadlineOf(state, { ...times, sendByMs, orderEndMs }, steadyMs) ?? null;
      return { agent, hasTurn, state, deadlineAtMs } as const;
    });
    const stateEvent = (agent: JobAgent, state: 'queued' | 'sent') =>
      ({ job_id: id, agent_id: agent.id, kind: 'state', at_ms: writtenMs, state, attempt: 0 }) as const;
    after.add = () => bundles.add(id, sealed, tree, agents, params);
    after.sent = runs.filter((run) => run.state === 'sent').map((run) => run.agent.id);
    after.queued = runs.filter((run) => run.hasTurn && run.state === 'queued').map((run) => run.agent.id);
    return [
      ...insertJobs([
        {
          id,
          kind: kindOf(request.tasks),
          title: titleOfJob(request),
          reason: request.reason ?? null,
          created_by: actor.name,
          created_at_ms: nowMs,
          expires_at_ms: nowMs + lifeMs,
          timeout_ms: times.timeoutMs,
          kill_grace_ms: times.killGraceMs,
          output_cap_bytes: request.outputCapBytes ?? DEFAULTS.outputCapBytes,
          targets_count: agents.length,
          open_runs: agents.length,
          idempotency_key: request.idempotencyKey ?? null,
          request_digest: requestDigest(ports, request),
          ended_at_ms: null,
          order_hash: sealed.orderHash,
          attempts,
          request: JSON.stringify(remembered(request)),
          retry_of: request.retryOf ?? null,
        },
      ]),
      ...claims,
      ...insertBundles([
        { job_id: id, key_box: bundles.sealKey(sealed.key), ciphertext: Buffer.concat(sealed.chunks) },
      ]),
      ...insertParams(
        [...params].map(([agentId, bytes]) => ({
          job_id: id,
          agent_id: agentId,
          box: bundles.sealKey(bytes),
        })),
      ),
      ...insertRuns(
        runs.map(({ agent, hasTurn, state, deadlineAtMs }, index) => ({
          job_id: id,
          agent_id: agent.id,
          target_index: index,
          agent_name: agent.name,
          agent_epoch: agent.epoch,
          state,
          sent_at_ms: state === 'sent' ? writtenMs : null,
          deadline_at_ms: deadlineAtMs,
          turn_at_ms: hasTurn ? steadyMs : null,
        })),
      ),
      ...(pace.batch === null && pace.maxFailures === null
        ? []
        : insertPace([
            {
              ...{ job_id: id, batch: pace.batch, max_failures: pace.maxFailures, ttl_ms: times.ttlMs },
              waiting: agents.length - turns.size,
            },
          ])),
      countRuns({ jobId: id, state: 'sent', runs: after.sent.length }),
      countRuns({ jobId: id, state: 'queued', runs: agents.length - after.sent.length }),
      ...jobEvent(id, 'created', actor.name, writtenMs),
      ...insertEvents(
        runs.flatMap(({ agent, state }) => [
          stateEvent(agent, 'queued'),
          ...(state === 'sent' ? [stateEvent(agent, 'sent')] : []),
        ]),
      ),
      ports.audit.entry(actor, 'job.create', {
        job: id,
        order: toHex(sealed.orderHash),
        kind: kindOf(request.tasks),
        title: titleOfJob(request),
        targets: agents.length,
        ...(pace.batch === null ? {} : { batch: pace.batch }),
        ...(pace.maxFailures === null ? {} : { maxFailures: pace.maxFailures }),
        asked: describeAsked(request),
        ...(signatures.length === 0 ? {} : { signers: signatures.map(({ keyId }) => toHex(keyId)) }),
        ...(request.user === undefined ? {} : { user: request.user }),
        ...(request.reason === undefined ? {} : { reason: request.reason }),
      }),
    ];
  }

  return {
    job: id,
    order: bytes,
    kind: message.kind,
    expiresAtMs: nowMs + lifeMs,
    agents,
    params,
    tasks: request.tasks.map(nameOf),
    statements,
    written() {
      after.add();
      ports.bus.emit({ type: 'job-created', jobId: id });
      ports.bus.emit({ type: 'job-changed', jobId: id });
      return { sent: after.sent, queued: after.queued };
    },
  };
}

/** Keyed: a request may hold secrets that are easy to guess. */
export function requestDigest({ jobKey }: Pick<JobsPorts, 'jobKey'>, request: JobRequest): Uint8Array {
  return hmacSha512(jobKey, Buffer.from(JSON.stringify(request)));
}
