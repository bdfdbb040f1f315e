import type { SignatureMessage } from '../../proto/codec.ts';
import type { Statement } from '../db/database.ts';
import { createBundles } from './bundles.ts';
import { type CancelRequest, cancelJob } from './cancel.ts';
import { createChanges } from './changes.ts';
import { type Created, createJob } from './create.ts';
import { createDeadlines } from './deadlines.ts';
import { createDeliveries } from './deliver.ts';
import { meant } from './failed-of.ts';
import { createHistory, type History } from './history.ts';
import { uninstalledAgents } from './leaver-store.ts';
import { bytesOf } from './order.ts';
import type { Actor, JobAgent, JobsPorts } from './ports.ts';
import { type Prepared, prepareJob } from './prepare.ts';
import { type Asked, type JobRequest, timesOf } from './request.ts';
import { type RetryRequest, retryRequest } from './retry.ts';
import { NO_OUTCOME } from './run.ts';
import { createSignedJobs, type Ready, type SignedJobs } from './signed.ts';
import { createSteady } from './steady.ts';
import { openRunsOfAgent } from './store.ts';
import { createVerifier } from './verifier.ts';
import { createWords, type Words } from './words.ts';

export interface RunCursor {
  jobId: Uint8Array;
  attempt: number;
  position: number;
}

/** Who left, by which job, and who had ordered it. */
export interface Leaver {
  agentId: string;
  jobId: string;
  by: string;
}

/** What whoever holds a job says of its runs; each changes nothing where it is too late. */
export interface Direct {
  turn(jobId: string, agentId: string): Statement;
  withdraw(jobId: string, agentId: string, reason: string): Statement;
}

export interface Jobs extends History {
  create(request: JobRequest, actor: Actor): Promise<Created>;
  /** What its operator would sign with the key `signer` of his. Throws as SignedJobs.draft. */
  draft: SignedJobs['draft'];
  /** Makes the job of a draft, with its operator's signature. Throws as SignedJobs.submit. */
  submit(jobId: string, signature: SignatureMessage, actor: Actor): Promise<Created>;
  /**
   * A job of these agents whose runs wait until each is given its turn, for at most `lifeMs`. Nothing of it is stored yet: its statements
   * go into the batch of whoever has it made, and `written` is called after that. Throws as prepareJob.
   */
  hold(request: JobRequest, actor: Actor, agents: readonly JobAgent[], lifeMs: number): Promise<Prepared>;
  /** Writes one batch in which runs of held jobs are given their turn, or are withdrawn where they were not sent. */
  direct(batch: (direct: Direct) => readonly Statement[]): Promise<void>;
  /** Does a job again where it did not succeed. */
  retry(jobId: string, request: RetryRequest, actor: Actor): Promise<Created>;
  /** Who is meant, by name. */
  meant(query: Asked): Promise<JobAgent[]>;
  cancel(jobId: string, actor: Actor, only?: CancelRequest): Promise<{ cancelled: number }>;
  readonly words: Words;
  /** How far the output of an agent's unfinished runs is stored. */
  cursors(agentId: string): Promise<RunCursor[]>;
  /** Sends what waits for an agent that has just come online. */
  resume(agentId: string): Promise<void>;
  /** Ends what an agent that was removed will never report. */
  abandon(agentId: string): Promise<void>;
  /** Agents that said that they remove themselves, as a job ordered, and that the fleet still has. */
  leavers(): Promise<Leaver[]>;
  /** Checks the signatures of all stored reports that were not checked yet. */
  verifyReports(): Promise<void>;
  start(): void;
  stop(): void;
}

/** Jobs, from request to outcome. Everything it knows is in the store; what it keeps in memory can be lost. */
export function createJobs(given: JobsPorts): Jobs {
  const ports = { ...given, steady: createSteady(given.clock) };
  const bundles = createBundles(ports);
  const changes = createChanges(ports, (applied) => {
    if (applied.deadlineAtMs !== undefined) deadlines.expect(applied.deadlineAtMs);
    if (applied.to === 'sent') deliveries.deliver(applied.jobId, [applied.agentId]);
    if (applied.jobEnded) bundles.forget(applied.jobId);
  });
  const deadlines = createDeadlines(ports, changes);
  const deliveries = createDeliveries(ports, bundles, changes);
  const verifier = createVerifier(ports);
  const signed = createSignedJobs(ports, bundles);
  const words = createWords(ports, changes, verifier.wake);

  const create = async (request: JobRequest, actor: Actor): Promise<Created> =>
    send(request, await createJob(ports, bundles, request, actor));

  async function send(request: JobRequest, { sent, queued, ...created }: Ready): Promise<Created> {
    if (created.created) deadlines.expect(ports.steady.now() + timesOf(request).ttlMs);
    deliveries.deliver(created.job, sent);
    // Who came while the job was written found nothing that waited for him.
    const come = queued.filter((agentId) => ports.inventory.get(agentId)?.online);
    if (come.length > 0)
      await changes.commit((change) =>
        come.map((agentId) => change({ jobId: created.job, agentId, from: 'queued', to: 'sent' })),
      );
    return created;
  }

  return {
    ...createHistory(ports),
    words,
    create,
    draft: signed.draft,
    async submit(jobId, signature, actor) {
      const { ready, request } = await signed.submit(jobId, signature, actor);
      const { sent: _, queued: __, ...created } = ready;
      return request ? send(request, ready) : created;
    },
    hold: (request, actor, agents, lifeMs) =>
      prepareJob(ports, bundles, request, actor, async () => agents, { lifeMs }),
    async direct(batch) {
      await changes.commit((change, turn) =>
        batch({
          turn,
          withdraw: (jobId, agentId, reason) =>
            change({ jobId, agentId, from: 'queued', to: 'cancelled', outcome: { ...NO_OUTCOME, reason } }),
        }),
      );
    },
    async retry(jobId, request, actor) {
      return create(await retryRequest(ports, jobId, request), actor);
    },
    meant: (query) => meant(ports, query),
    cancel: (jobId, actor, only) => cancelJob(ports, changes, deliveries, jobId, actor, only),
    resume: deliveries.resume,
    async cursors(agentId) {
      const runs = await ports.db.read(openRunsOfAgent({ agentId }));
      return runs
        .filter((run) => run.output_position > 0)
        .map((run) => ({ jobId: bytesOf(run.job_id), attempt: run.attempt, position: run.output_position }));
    },
    async abandon(agentId) {
      const runs = await ports.db.read(openRunsOfAgent({ agentId }));
      const outcome = { ...NO_OUTCOME, reason: 'the agent was removed from the fleet' };
      await changes.commit((change) =>
        runs.map((run) =>
          change({
            jobId: run.job_id,
            agentId,
            from: run.state,
            to: run.state === 'queued' ? 'cancelled' : 'lost',
            outcome,
          }),
        ),
      );
    },
    async leavers() {
      const rows = await ports.db.read(uninstalledAgents());
      return rows.map(({ agent_id, job_id, created_by }) => ({
        ...{ agentId: agent_id, jobId: job_id, by: created_by },
      }));
    },
    verifyReports: verifier.finish,
    start() {
      deadlines.start();
      verifier.start();
    },
    stop() {
      deadlines.stop();
      deliveries.stop();
      verifier.stop();
    },
  };
}
