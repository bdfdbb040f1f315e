import { seal, signOrder } from '../../proto/bundle.ts';
import { Order } from '../../proto/codec.ts';
import { hmacSha512 } from '../../proto/crypto.ts';
import { MusterError } from '../../proto/errors.ts';
import { equalBytes, toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import { ConstraintError, isTaken } from '../db/database.ts';
import { seededFractions, shuffled } from '../targeting/limit.ts';
import { insertBundles } from './bundle-store.ts';
import { type Bundles, treeOf } from './bundles.ts';
import { DEFAULTS, deadlineOf, orderLifeMs } from './due.ts';
import { meant } from './failed-of.ts';
import { insertPace } from './pace-store.ts';
import type { Actor, JobAgent, JobsPorts } from './ports.ts';
import { remembered } from './remembered.ts';
import {
  changesAgents,
  type JobRequest,
  kindOf,
  namedIn,
  nameOf,
  orderOf,
  timesOf,
  titleOf,
} from './request.ts';
import type { Steady } from './steady.ts';
import {
  countRuns,
  insertEvents,
  insertJobs,
  insertRuns,
  type JobRow,
  jobByKey,
  runsOfJob,
} from './store.ts';
import { jobEvent } from './transition.ts';
import { paceOf, step } from './window.ts';

export interface Target {
  name: string;
  id: string;
  online: boolean;
}

export interface Created {
  job: string;
  targets: Target[];
  /** What its tasks are called. */
  tasks: string[];
  /** False: this idempotency key made the job earlier. */
  created: boolean;
}

/**
 * A job, whole or not at all: when this resolves, the order, its targets and the audit line are durable. Runs of agents that
 * are online are stored as `sent` before anything is sent: a crash in between sends them again, and agents know the job by then.
 * Throws MusterError: bad-target, bad-selector, bad-limit, nobody-matched, bad-request, too-large, idempotency-conflict,
 * no-such-content, store-full, store-failed, forbidden (also where it repeats what an admin ordered).
 */
export async function createJob(
  ports: JobsPorts & { steady: Steady },
  bundles: Bundles,
  request: JobRequest,
  actor: Actor,
): Promise<Created & { sent: JobAgent[]; queued: JobAgent[] }> {
  if (changesAgents(request.tasks) && actor.role !== 'admin')
    throw new MusterError('forbidden', 'agents are upgraded and uninstalled by admins');
  // Keyed: a request may hold secrets that are easy to guess.
  const digest = hmacSha512(ports.jobKey, Buffer.from(JSON.stringify(request)));
  const earlier = await earlierJob(ports, request, digest, actor);
  if (earlier) return { ...earlier, sent: [], queued: [] };
  ports.admit();
  const jobId = ports.random(LIMITS.jobIdBytes);
  const id = toHex(jobId);
  // It may read a manifest for a while; whoever comes online meanwhile is found by what follows.
  const claims = await ports.contents.claim(id, namedIn(request.tasks));
  const agents = inTurn(await meant(ports, request), request);
  if (agents.length === 0) throw new MusterError('nobody-matched', describe(request));
  const nowMs = ports.clock.now();
  const tree = treeOf(agents);
  const { fleetId } = ports;
  const pace = paceOf(request, agents.length);
  const times = timesOf(request);
  const { attempts = 1 } = request;
  const lifeMs = orderLifeMs({ ...times, targets: agents.length, batch: pace.batch, attempts });
  const order = Order.encode(
    orderOf(request, {
      ...{ fleetId, jobId, targetsRoot: tree.root, targetsCount: tree.count, nowMs },
      expiresAtMs: nowMs + lifeMs,
    }),
  );
  const sealed = seal(order, [signOrder(order, 'controller', ports.controllerKey())], ports.random);
  const steadyMs = ports.steady.now();
  const ids = agents.map((agent) => agent.id);
  const turns = new Set(step({ inFlight: 0, waiting: ids, failures: 0 }, pace).take);
  const orderEndMs = steadyMs + lifeMs;
  const runs = agents.map((agent) => {
    const hasTurn = turns.has(agent.id);
    const state = hasTurn && agent.online ? 'sent' : 'queued';
    const sendByMs = hasTurn ? steadyMs + times.ttlMs : orderEndMs;
    const deadlineAtMs = deadlineOf(state, { ...times, sendByMs, orderEndMs }, steadyMs) ?? null;
    return { agent, hasTurn, state, deadlineAtMs } as const;
  });
  const stateEvent = (agent: JobAgent, state: 'queued' | 'sent') =>
    ({ job_id: id, agent_id: agent.id, kind: 'state', at_ms: nowMs, state, attempt: 0 }) as const;

  const sent = runs.filter((run) => run.state === 'sent').map((run) => run.agent);

  const statements = [
    ...insertJobs([
      {
        id,
        kind: kindOf(request.tasks),
        title: titleOf(request),
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
        request_digest: digest,
        ended_at_ms: null,
        order_hash: sealed.orderHash,
        attempts,
        request: JSON.stringify(remembered(request)),
        retry_of: request.retryOf ?? null,
      },
    ]),
    ...claims,
    ...insertBundles([
      { job_id: id, key_box: bundles.sealKey(sealed), ciphertext: Buffer.concat(sealed.chunks) },
    ]),
    ...insertRuns(
      runs.map(({ agent, hasTurn, state, deadlineAtMs }, index) => ({
        job_id: id,
        agent_id: agent.id,
        target_index: index,
        agent_name: agent.name,
        agent_epoch: agent.epoch,
        state,
        sent_at_ms: state === 'sent' ? nowMs : null,
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
    countRuns({ jobId: id, state: 'sent', runs: sent.length }),
    countRuns({ jobId: id, state: 'queued', runs: agents.length - sent.length }),
    ...jobEvent(id, 'created', actor.name, nowMs),
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
      title: titleOf(request),
      targets: agents.length,
      ...(pace.batch === null ? {} : { batch: pace.batch }),
      ...(pace.maxFailures === null ? {} : { maxFailures: pace.maxFailures }),
      asked: describe(request),
      ...(request.user === undefined ? {} : { user: request.user }),
      ...(request.reason === undefined ? {} : { reason: request.reason }),
    }),
  ];
  try {
    await ports.db.write(statements);
  } catch (error) {
    // Two requests with one key at once: the second finds the first one's job.
    const first = isTaken(error, 'jobs.idempotency_key') && (await earlierJob(ports, request, digest, actor));
    if (first) return { ...first, sent: [], queued: [] };
    // Removed since it was claimed; nothing else that is inserted here refers to what may be gone.
    if (error instanceof ConstraintError && error.kind === 'foreign-key')
      throw new MusterError('no-such-content', 'it was removed meanwhile; upload it again');
    throw error;
  }
  bundles.add(id, sealed, tree, agents);
  ports.bus.emit({ type: 'job-created', jobId: id });
  ports.bus.emit({ type: 'job-changed', jobId: id });
  const targets = agents.map(({ name, id, online }) => ({ name, id, online }));
  const queued = runs.filter((run) => run.hasTurn && run.state === 'queued').map((run) => run.agent);
  const tasks = request.tasks.map(nameOf);
  return { job: id, targets, tasks, created: true, sent, queued };
}

/** The order of their turns, by name; with a seed a random one that is the same for everybody who says the same seed. */
function inTurn(agents: JobAgent[], { batch, seed }: JobRequest): JobAgent[] {
  if (batch === undefined || seed === undefined) return agents;
  return shuffled(agents, seededFractions(`turns ${seed}`));
}

function describe(request: JobRequest): string {
  return [
    request.targets && `-t ${request.targets}`,
    request.selector && `-l ${request.selector}`,
    request.limit && `--limit ${request.limit}`,
    request.failedOf && `--failed-of ${request.failedOf}`,
    request.states && `--state ${request.states}`,
  ]
    .filter(Boolean)
    .join(' ');
}

async function earlierJob(
  ports: JobsPorts,
  request: JobRequest,
  digest: Uint8Array,
  actor: Actor,
): Promise<Created | undefined> {
  if (request.idempotencyKey === undefined) return undefined;
  const [job] = await ports.db.read(jobByKey({ by: actor.name, key: request.idempotencyKey }));
  if (!job) return undefined;
  if (!equalBytes(job.request_digest, digest)) throw new MusterError('idempotency-conflict');
  const tasks = request.tasks.map(nameOf);
  return { job: job.id, targets: await targetsOf(ports, job), tasks, created: false };
}

async function targetsOf(ports: JobsPorts, job: JobRow): Promise<Target[]> {
  const runs = await ports.db.read(runsOfJob({ jobId: job.id }));
  return runs.map((run) => ({
    name: run.agent_name,
    id: run.agent_id,
    online: ports.inventory.get(run.agent_id)?.online ?? false,
  }));
}
