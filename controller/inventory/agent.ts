/** An agent as the controller knows it. Pure. */
import type { Facts } from './facts-shape.ts';

export type AgentState = 'active' | 'pending' | 'quarantined' | 'removed';

export interface Agent {
  readonly id: string;
  readonly name: string;
  readonly state: AgentState;
  /** Made with the agent's journal; orders are addressed to it. */
  readonly epoch: string;
  readonly signKey: Uint8Array;
  readonly boxKey: Uint8Array;
  readonly labels: Readonly<Record<string, string>>;
  /** What the host says of itself. */
  readonly claims: Readonly<Record<string, string>>;
  readonly facts: Facts | undefined;
  /** As the agent computed it; empty before the first facts. */
  readonly factsDigest: Uint8Array;
  readonly factsAtMs: number | null;
  readonly agentVersion: string | null;
  readonly hostname: string | null;
  readonly bootId: string | null;
  readonly counter: number;
  readonly instance: string | null;
  /** Its epoch when an operator kept one of two machines with its keys. */
  readonly retiredEpoch: string | null;
  /** The machine to keep has not come yet. */
  readonly renew: boolean;
  readonly enrolledAtMs: number;
  readonly lastSeenMs: number | null;
}

/** What an agent proves when a session begins. */
export interface SessionProof {
  epoch: string;
  counter: number;
  instance: string;
  bootId: string;
  agentVersion: string;
}

/**
 * Whether a session may begin. The counter is durable at the agent before it is sent, so one that is not greater comes from an
 * older socket of the same process, or from a second machine with the same keys (a clone, a restored snapshot).
 */
export function admit(
  agent: Pick<Agent, 'epoch' | 'counter' | 'instance' | 'retiredEpoch' | 'renew'>,
  proof: SessionProof,
): 'ok' | 'stale' | 'conflict' | 'renew' | 'replaced' {
  if (proof.epoch === agent.retiredEpoch) return isKept(agent, proof) ? 'renew' : 'replaced';
  if (proof.counter > agent.counter) return 'ok';
  return proof.instance === agent.instance ? 'stale' : 'conflict';
}

/** The first that comes; it is told again until its new epoch is here, since what it was told may not have reached it. */
function isKept(
  agent: Pick<Agent, 'epoch' | 'instance' | 'retiredEpoch' | 'renew'>,
  proof: SessionProof,
): boolean {
  return agent.renew || (agent.epoch === agent.retiredEpoch && agent.instance === proof.instance);
}

/** The agent once its session has begun. */
export function inSession(agent: Agent, proof: SessionProof, nowMs: number): Agent {
  return { ...agent, ...proof, renew: false, lastSeenMs: nowMs };
}
