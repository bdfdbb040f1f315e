/** Agents as operators see them. */
import type { Agent } from './agent.ts';
import { fingerprint, type Presence } from './engine.ts';

type View = Agent & { online: boolean; presence: Presence | undefined };

export interface AgentSummary {
  name: string;
  id: string;
  online: boolean;
  state: 'active' | 'pending' | 'quarantined';
  labels: Record<string, string>;
  os: string | null;
  arch: string | null;
  agentVersion: string | null;
  enrolledAtMs: number;
  lastSeenMs: number | null;
}

export interface AgentDetail extends AgentSummary {
  keyId: string;
  claims: Record<string, string>;
  hostname: string | null;
  address: string | null;
  onlineSinceMs: number | null;
  clockSkewMs: number | null;
}

export function agentSummary(agent: View, nowMs: number): AgentSummary {
  return {
    name: agent.name,
    id: agent.id,
    online: agent.online,
    state: agent.state === 'removed' ? 'quarantined' : agent.state,
    labels: { ...agent.labels },
    os: agent.facts?.os?.prettyName ?? agent.facts?.os?.id ?? null,
    arch: agent.facts?.arch ?? null,
    agentVersion: agent.agentVersion,
    enrolledAtMs: agent.enrolledAtMs,
    lastSeenMs: agent.online ? nowMs : agent.lastSeenMs,
  };
}

export function agentDetail(agent: View, nowMs: number): AgentDetail {
  return {
    ...agentSummary(agent, nowMs),
    keyId: fingerprint(agent),
    claims: { ...agent.claims },
    hostname: agent.hostname,
    address: agent.presence?.address ?? null,
    onlineSinceMs: agent.presence?.sinceMs ?? null,
    clockSkewMs: agent.presence?.clockSkewMs ?? null,
  };
}
