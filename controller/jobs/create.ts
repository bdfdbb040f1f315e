import type { SignatureMessage } from '../../proto/codec.ts';
import { MusterError } from '../../proto/errors.ts';
import { equalBytes } from '../../proto/ids.ts';
import { ConstraintError, isTaken } from '../db/database.ts';
import { seededFractions, shuffled } from '../targeting/limit.ts';
import type { Bundles } from './bundles.ts';
import { meant } from './failed-of.ts';
import type { Actor, JobAgent, JobsPorts } from './ports.ts';
import { type Prepared, prepareJob, requestDigest } from './prepare.ts';
import type { JobRequest } from './request.ts';
import type { Steady } from './steady.ts';
import { type JobRow, jobByKey, jobRequest, runsOfJob } from './store.ts';
import { nameOf } from './task.ts';

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
 * A job, whole or not at all: when this resolves, the order, its targets and the audit line are durable. `sent` and `queued` are ids:
 * whose run is `sent`, and whose turn it is and was away.
 * Throws MusterError: bad-target, bad-selector, bad-limit, idempotency-conflict, store-failed, and as prepareJob.
 */
export async function createJob(
  ports: JobsPorts & { steady: Steady },
  bundles: Bundles,
  request: JobRequest,
  actor: Actor,
): Promise<Created & { sent: readonly string[]; queued: readonly string[] }> {
  const earlier = await earlierJob(ports, request, actor);
  if (earlier) return { ...earlier, sent: [], queued: [] };
  return makeJob(ports, await prepareMeant(ports, bundles, request, actor), request, actor);
}

/** For those that the request means. Throws as createJob. */
export function prepareMeant(
  ports: JobsPorts & { steady: Steady },
  bundles: Bundles,
  request: JobRequest,
  actor: Actor,
): Promise<Prepared> {
  return prepareJob(ports, bundles, request, actor, async () => inTurn(await meant(ports, request), request));
}

export async function makeJob(
  ports: JobsPorts,
  prepared: Prepared,
  request: JobRequest,
  actor: Actor,
  signatures: readonly SignatureMessage[] = [],
): Promise<Created & { sent: readonly string[]; queued: readonly string[] }> {
  try {
    await ports.db.write(prepared.statements(signatures));
  } catch (error) {
    // Two requests with one key at once: the second finds the first one's job.
    const first = isTaken(error, 'jobs.idempotency_key') && (await earlierJob(ports, request, actor));
    if (first) return { ...first, sent: [], queued: [] };
    throw refusalOf(error);
  }
  const targets = prepared.agents.map(({ name, id, online }) => ({ name, id, online }));
  return { job: prepared.job, targets, tasks: [...prepared.tasks], created: true, ...prepared.written() };
}

/** What a batch that makes jobs may be refused for, in an operator's words. */
export function refusalOf(error: unknown): unknown {
  // Removed since it was claimed; nothing else that is inserted there refers to what may be gone.
  if (error instanceof ConstraintError && error.kind === 'foreign-key')
    return new MusterError('no-such-content', 'it was removed meanwhile; upload it again');
  return error;
}

/** The order of their turns, by name; with a seed a random one that is the same for everybody who says the same seed. */
function inTurn(agents: JobAgent[], { batch, seed }: JobRequest): JobAgent[] {
  if (batch === undefined || seed === undefined) return agents;
  return shuffled(agents, seededFractions(`turns ${seed}`));
}

export async function earlierJob(
  ports: JobsPorts,
  request: JobRequest,
  actor: Actor,
): Promise<Created | undefined> {
  if (request.idempotencyKey === undefined) return undefined;
  const [job] = await ports.db.read(jobByKey({ by: actor.name, key: request.idempotencyKey }));
  if (!job) return undefined;
  if (!equalBytes(job.request_digest, requestDigest(ports, request)))
    throw new MusterError('idempotency-conflict');
  return createdOf(ports, job);
}

/** A job that is there already, as whoever asks for it again is told of it. */
export async function createdOf(ports: JobsPorts, job: JobRow): Promise<Created> {
  const [row] = await ports.db.read(jobRequest({ id: job.id }));
  const { tasks } = JSON.parse(row?.request ?? '{"tasks":[]}') as Pick<JobRequest, 'tasks'>;
  return { job: job.id, targets: await targetsOf(ports, job), tasks: tasks.map(nameOf), created: false };
}

async function targetsOf(ports: JobsPorts, job: JobRow): Promise<Target[]> {
  const runs = await ports.db.read(runsOfJob({ jobId: job.id }));
  return runs.map((run) => ({
    name: run.agent_name,
    id: run.agent_id,
    online: ports.inventory.get(run.agent_id)?.online ?? false,
  }));
}
