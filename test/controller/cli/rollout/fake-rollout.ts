import type {
  HostDetail,
  HostPhase,
  RolloutChecked,
  RolloutDetail,
  RolloutEvent,
  RolloutPolicy,
  WaveDetail,
} from '../../../../controller/api/contract.ts';
import { agentId } from '../fake-job.ts';

export const ROLLOUT = '0123456789abcdef0123456789abcdef';
export const AT = Date.UTC(2026, 10, 27, 22);

export const POLICY: RolloutPolicy = {
  ...{ maxUnavailable: 2, maxFailures: 0, onFailure: 'host', reboot: 'never', windows: [], freezes: [] },
  ...{ busy: 'refuse', expiresAtMs: AT + 7 * 86_400_000 },
};

export const NO_GATE: WaveDetail['gate'] = { successPercent: null, soakMs: 0, approval: 'nobody' };

export function waveOf(index: number, more: Partial<WaveDetail> = {}): WaveDetail {
  return {
    ...{ index, name: `wave ${index + 1}`, state: 'waiting', reason: null, hosts: 1, counts: {} },
    ...{ maxFailures: null, gate: NO_GATE, beganAtMs: null, doneAtMs: null, soakUntilMs: null },
    ...{ approvedBy: null, approvedAtMs: null, ...more },
  };
}

export function hostOf(agent: string, phase: HostPhase, more: Partial<HostDetail> = {}): HostDetail {
  return {
    ...{ agent, agentId: agentId(agent), wave: 0, phase, reason: null, code: null, wayBack: true },
    ...{ changed: false, rebooted: false, beganAtMs: null, endedAtMs: null, ...more },
  };
}

export function detailOf(hosts: HostDetail[], more: Partial<RolloutDetail> = {}): RolloutDetail {
  const counts: RolloutDetail['counts'] = {};
  for (const { phase } of hosts) counts[phase] = (counts[phase] ?? 0) + 1;
  return {
    ...{ rollout: ROLLOUT, name: 'november', kind: 'bundle', title: 'touch it', state: 'running' },
    ...{ reason: null, actor: 'kim', createdAtMs: AT, endedAtMs: null, hosts: hosts.length, counts },
    ...{ wave: 0, waves: 1, seq: 1, nowMs: AT, note: null, planDigest: null, policy: POLICY },
    waveDetails: [waveOf(0, { hosts: hosts.length, counts, state: 'open', beganAtMs: AT })],
    ...{ hostDetails: hosts, steps: [], probes: [], ...more },
  };
}

export function checkedOf(...names: string[]): RolloutChecked {
  return {
    ...{ hosts: names.length, policy: POLICY, warnings: [] },
    waves: [{ name: 'all', hosts: names, gate: NO_GATE }],
  };
}

export function event(seq: number, more: Partial<RolloutEvent>): RolloutEvent {
  return {
    ...{ seq, atMs: AT + seq * 1000, what: 'host', to: '', wave: 0, agent: null, agentId: null },
    ...{ by: null, reason: null, ...more },
  };
}

export const hostEvent = (
  seq: number,
  agent: string,
  to: HostPhase,
  reason: string | null = null,
): RolloutEvent => event(seq, { agent, agentId: agentId(agent), to, reason });

/** As the stream has it; with `over`, to its end. */
export function streamOf(events: readonly RolloutEvent[], { over = true } = {}): string[] {
  const lines = events.map(
    ({ seq, ...data }) => `id: ${seq}\nevent: rollout\ndata: ${JSON.stringify(data)}\n\n`,
  );
  return over ? [...lines, `event: end\ndata: ${JSON.stringify({ why: 'over' })}\n\n`] : lines;
}
