import type { Clock } from '../../../proto/clock.ts';
import type { AgentSummary } from '../../api/contract.ts';
import { HostFailure } from '../../installer/failure.ts';
import type { Registered } from '../../installer/work.ts';

export interface PresenceParts {
  readonly clock: Pick<Clock, 'after' | 'monotonicMs'>;
  /** Those of these agents that the controller knows. What it throws is every waiting host's. */
  list(names: readonly string[]): Promise<readonly AgentSummary[]>;
}

/** A Node start, a handshake, and what a busy host adds to it. */
export const ONLINE_WITHIN_MS = 60_000;
const SOONEST_MS = 200;
const LATEST_MS = 1000;

interface Waiting {
  readonly agent: Registered;
  readonly version: string;
  readonly sinceMs: number;
  /** What was seen last. */
  seen: string;
  settle(failure?: unknown): void;
}

/**
 * Waits for agents to come online: one question to the controller for all that are waited for, soon after the latest of them was
 * begun to be waited for, and then less and less often.
 */
export function createPresence({ clock, list }: PresenceParts): {
  /** Throws HostFailure: not-online, stopped, and what `list` throws. */
  until(agent: Registered, version: string, signal: AbortSignal): Promise<void>;
} {
  const waiting = new Set<Waiting>();
  let cancelNext: (() => void) | undefined;
  let asking = false;

  function soon(afterMs: number): void {
    cancelNext?.();
    cancelNext = waiting.size === 0 ? undefined : clock.after(afterMs, () => void look());
  }

  async function look(): Promise<void> {
    cancelNext = undefined;
    if (asking || waiting.size === 0) return;
    asking = true;
    const asked = [...waiting];
    try {
      const agents = new Map((await list(asked.map(({ agent }) => agent.name))).map((one) => [one.id, one]));
      for (const one of asked) judge(one, agents.get(one.agent.id));
    } catch (error) {
      for (const one of asked) one.settle(error);
    }
    asking = false;
    const youngestMs = Math.min(...[...waiting].map(({ sinceMs }) => clock.monotonicMs() - sinceMs));
    soon(Math.min(LATEST_MS, Math.max(SOONEST_MS, youngestMs / 5)));
  }

  function judge(one: Waiting, agent: AgentSummary | undefined): void {
    if (agent?.online && agent.state === 'active' && agent.agentVersion === one.version) return one.settle();
    one.seen = describe(agent);
    if (clock.monotonicMs() - one.sinceMs >= ONLINE_WITHIN_MS)
      one.settle(new HostFailure('not-online', `after ${ONLINE_WITHIN_MS / 1000} s ${one.seen}`));
  }

  return {
    until(agent, version, signal) {
      return new Promise((resolve, reject) => {
        const stopped = (): void => one.settle(new HostFailure('stopped'));
        const one: Waiting = {
          agent,
          version,
          sinceMs: clock.monotonicMs(),
          seen: '',
          settle(failure) {
            if (!waiting.delete(one)) return;
            signal.removeEventListener('abort', stopped);
            if (failure === undefined) resolve();
            else reject(failure);
          },
        };
        waiting.add(one);
        if (signal.aborted) return stopped();
        signal.addEventListener('abort', stopped, { once: true });
        if (!asking) soon(SOONEST_MS);
      });
    },
  };
}

function describe(agent: AgentSummary | undefined): string {
  if (!agent) return 'the controller does not know it any more';
  if (agent.state !== 'active') return `it is ${agent.state}`;
  if (agent.online) return `it is online with version ${agent.agentVersion ?? 'unknown'}`;
  return agent.lastSeenMs === null ? 'it never connected' : 'it is not connected';
}
