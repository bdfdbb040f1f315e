import { signOrder } from '../../proto/bundle.ts';
import { delay } from '../../proto/clock.ts';
import { Order } from '../../proto/codec.ts';
import { MusterError } from '../../proto/errors.ts';
import type { Bundles } from './bundles.ts';
import type { Changes } from './changes.ts';
import { createDispatch } from './dispatch.ts';
import { bytesOf } from './order.ts';
import { runToSend } from './pace-store.ts';
import type { JobsPorts } from './ports.ts';
import { cancelOrderOf } from './request.ts';
import { NO_OUTCOME, type Outcome, type RunState } from './run.ts';
import type { Steady } from './steady.ts';
import { jobById, openRunsOfAgent } from './store.ts';

/** A cancel order that an agent gets is made when it is sent; it lives long enough to travel. */
const CANCEL_VALID_MS = 3_600_000;
/** Others are let in between so many. */
const TOLD_AT_ONCE = 200;

export interface Deliveries {
  /** Sends a job's bundle to its agents, each when it has room; their runs are `sent` in the store already. */
  deliver(jobId: string, agentIds: Iterable<string>): void;
  /** Tells those of them that are here. */
  cancel(jobId: string, agentIds: readonly string[]): Promise<void>;
  /** Everything that waits for an agent that has just come online. */
  resume(agentId: string): Promise<void>;
  stop(): void;
}

export function createDeliveries(
  ports: JobsPorts & { steady: Steady },
  bundles: Bundles,
  changes: Changes,
): Deliveries {
  const { db, links, inventory, log, steady } = ports;
  const dispatch = createDispatch({
    clock: ports.clock,
    links,
    deliver,
    onError: (error, jobId) => log.error({ err: error, job: jobId }, 'a bundle could not be handed over'),
  });

  async function deliver(jobId: string, agentId: string): Promise<void> {
    const agent = inventory.get(agentId);
    const [run] = await db.read(runToSend({ jobId, agentId }));
    if (!agent || run?.state !== 'sent') return;
    // The order of a job that goes by batches is valid for the turns of all; this one's is over.
    if (run.ttl_ms !== null && steady.now() > (run.turn_at_ms ?? 0) + run.ttl_ms) return;
    try {
      const share = await bundles.share(jobId, agentId, agent.boxKey);
      if (share) links.send(agentId, 'deliver', share);
    } catch (error) {
      // The agent's key will not do, now or later. Anything else is ours, and may pass.
      if (!(error instanceof MusterError && error.code === 'bad-key')) throw error;
      const outcome = { ...NO_OUTCOME, reason: error.message, code: error.code };
      await changes.commit((change) => [change({ jobId, agentId, to: 'rejected', outcome })]);
    }
  }

  async function cancel(jobId: string, agentIds: readonly string[]): Promise<void> {
    const [job] = await db.read(jobById({ id: jobId }));
    if (!job) return;
    const order = Order.encode(
      cancelOrderOf(
        { jobId: bytesOf(jobId), orderHash: job.order_hash, expiresAtMs: job.expires_at_ms },
        ports.fleetId,
        ports.clock.now(),
        CANCEL_VALID_MS,
      ),
    );
    // The same for all of them: signed once.
    const signed = { order, signatures: [signOrder(order, 'controller', ports.controllerKey())] };
    for (const [at, agentId] of agentIds.entries()) {
      if (at > 0 && at % TOLD_AT_ONCE === 0) await delay(ports.clock, 0);
      links.send(agentId, 'cancel', signed);
    }
  }

  return {
    deliver: dispatch.add,
    stop: dispatch.stop,
    cancel,
    async resume(agentId) {
      const open = await db.read(openRunsOfAgent({ agentId }));
      const epoch = inventory.get(agentId)?.epoch;
      const runs = open.filter((run) => run.agent_epoch === epoch);
      await changes.commit((change) =>
        open
          .filter((run) => run.agent_epoch !== epoch)
          .map((run) =>
            change({ jobId: run.job_id, agentId, from: run.state, ...ofEarlierEpoch(run.state) }),
          ),
      );
      for (const run of runs) {
        // First the cancel: what it names is then refused or ended, never started in between.
        if (run.cancel_requested === 1) await cancel(run.job_id, [agentId]);
        if (run.state === 'sent') dispatch.add(run.job_id, [agentId]);
      }
      // What has expired is not sent any more, also where the loop of the deadlines has yet to notice (a clock that was set).
      const nowMs = ports.clock.now();
      const queued = runs.filter(
        (run) => run.state === 'queued' && run.turn_at_ms !== null && nowMs < run.expires_at_ms,
      );
      // What becomes `sent` is delivered as everything else that does.
      await changes.commit((change) =>
        queued.map((run) => change({ jobId: run.job_id, agentId, from: 'queued', to: 'sent' })),
      );
    },
  };
}

/**
 * What an agent's new epoch means for a run of an earlier one: the agent has lost the journal that knew of it, or was told to begin
 * anew, and takes that order no more. What was sent may have run; a report that was kept still replaces this.
 */
function ofEarlierEpoch(state: RunState): { to: RunState; outcome: Outcome } {
  return state === 'queued'
    ? {
        to: 'rejected',
        outcome: {
          ...NO_OUTCOME,
          reason: 'the agent began a new epoch before the order was sent; nothing was run: order it again',
          code: 'not-a-target',
        },
      }
    : {
        to: 'interrupted',
        outcome: {
          ...NO_OUTCOME,
          reason: 'the agent began a new epoch (its journal was lost or put back); whether it ran is unknown',
        },
      };
}
