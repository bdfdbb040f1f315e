import type { Clock } from '../../../proto/clock.ts';
import { toHex } from '../../../proto/ids.ts';
import type { RandomBytes } from '../../../proto/random.ts';
import type { JobCreated, JobDetail, RunDetail } from '../../api/contract.ts';
import { HostFailure } from '../../installer/failure.ts';
import type { Registered } from '../../installer/work.ts';
import { VERDICT } from '../exit-status.ts';

export interface FirstJobsParts {
  readonly clock: Pick<Clock, 'after' | 'monotonicMs'>;
  readonly random: RandomBytes;
  /** Makes a job for these agents. What these two throw is every host's of that job. */
  create(names: readonly string[], idempotencyKey: string): Promise<Pick<JobCreated, 'job'>>;
  show(job: string): Promise<Pick<JobDetail, 'runs'>>;
}

/** The next job begins when the last one is over, or after so long: one slow host keeps few waiting, and the history stays short. */
const NEXT_AFTER_MS = 2000;
const LOOK_MS = 150;
const LOOK_LATEST_MS = 1000;

interface Waiting {
  readonly agent: Registered;
  /** Those of its job, or of the next one: it is in there until it is settled. */
  batch: Set<Waiting>;
  settle(failure?: unknown): void;
}

/** First jobs of agents: hosts that come while one is under way share the next. */
export function createFirstJobs(parts: FirstJobsParts): {
  /** Throws HostFailure: no-pong, stopped, and what `create` and `show` throw. */
  carriedOut(agent: Registered, signal: AbortSignal): Promise<void>;
} {
  const { clock } = parts;
  let next = new Set<Waiting>();
  /** The latest job is under way, and it is too early for another. */
  let busy = false;

  function begin(): void {
    if (busy || next.size === 0) return;
    const batch = next;
    next = new Set();
    busy = true;
    let current = true;
    const free = (): void => {
      if (!current) return;
      current = false;
      busy = false;
      begin();
    };
    const cancel = clock.after(NEXT_AFTER_MS, free);
    void carryOut(batch).finally(() => {
      cancel();
      free();
    });
  }

  async function carryOut(batch: Set<Waiting>): Promise<void> {
    try {
      const names = [...batch].map(({ agent }) => agent.name);
      const { job } = await parts.create(names, toHex(parts.random(16)));
      for (let pauseMs = LOOK_MS; batch.size > 0; pauseMs = Math.min(LOOK_LATEST_MS, pauseMs * 1.3)) {
        await new Promise<void>((resolve) => void clock.after(pauseMs, resolve));
        const runs = new Map((await parts.show(job)).runs.map((run) => [run.agentId, run]));
        for (const one of batch) judge(one, runs.get(one.agent.id), job);
      }
    } catch (error) {
      // One of several may be why, such as an agent that is quarantined: no reason for the others to have no job.
      if (batch.size > 1) await Promise.all([...batch].map((one) => carryOut(alone(one))));
      else for (const one of batch) one.settle(error);
    }
  }

  function alone(one: Waiting): Set<Waiting> {
    one.batch = new Set([one]);
    return one.batch;
  }

  function judge(one: Waiting, run: RunDetail | undefined, job: string): void {
    const verdict = run === undefined ? 'failed' : VERDICT[run.state];
    if (verdict === 'open') return;
    // What the host's policy refuses is an answer as well: signed, by an agent that read its order.
    if (verdict === 'succeeded' || run?.code === 'policy-denied') return one.settle();
    const why = run === undefined ? 'it was not among its targets' : (run.reason ?? run.state);
    one.settle(new HostFailure('no-pong', `job ${job.slice(0, 12)}: ${why}`));
  }

  return {
    carriedOut(agent, signal) {
      return new Promise((resolve, reject) => {
        const stopped = (): void => one.settle(new HostFailure('stopped'));
        const one: Waiting = {
          agent,
          batch: next,
          settle(failure) {
            signal.removeEventListener('abort', stopped);
            one.batch.delete(one);
            if (failure === undefined) resolve();
            else reject(failure);
          },
        };
        if (signal.aborted) return stopped();
        signal.addEventListener('abort', stopped, { once: true });
        next.add(one);
        begin();
      });
    },
  };
}
