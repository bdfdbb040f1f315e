import {
  canUndo,
  type Host,
  isAtWork,
  isFailure,
  isUnavailable,
  type Policy,
  type Rollout,
  type RolloutState,
  type Step,
  type Wave,
} from './rollout.ts';

/** A rollout while it is decided what happens next: its counts follow each change of a host. */
export interface Draft {
  readonly before: Rollout;
  readonly nowMs: number;
  readonly policy: Policy;
  readonly cancels: boolean;
  state: RolloutState;
  reason: string | null;
  readonly waves: Wave[];
  readonly hosts: Host[];
  readonly tally: Tally;
  readonly turns: { hostId: string; wave: number; step: Step | 'soak' }[];
  readonly asks: { wave: number; of: 'observers' | 'controller' }[];
  /** Moments at which something else would be decided. */
  readonly wakes: number[];
}

export interface Tally {
  waiting: number;
  atWork: number;
  /** Nobody knows whether they are at work, and nobody went on without them. */
  lost: number;
  unavailable: number;
  failures: number;
  readonly waves: readonly WaveTally[];
}

export interface WaveTally {
  hosts: number;
  waiting: number;
  atWork: number;
  done: number;
  failures: number;
  /** Broken, and to be brought back as soon as there is a place. */
  wanted: number;
  /** Do not count for the share that succeeds: they left the fleet, or an operator went on without them. */
  apart: number;
  /** May still come to be done. */
  hopeful: number;
  /** Asked whether they hold, and without an answer. */
  soaking: number;
}

export function draftOf(rollout: Rollout, nowMs: number): Draft {
  const tally: Tally = {
    ...{ waiting: 0, atWork: 0, lost: 0, unavailable: 0, failures: 0 },
    waves: rollout.waves.map(() => ({
      ...{
        hosts: 0,
        waiting: 0,
        atWork: 0,
        done: 0,
        failures: 0,
        wanted: 0,
        apart: 0,
        hopeful: 0,
        soaking: 0,
      },
    })),
  };
  for (const host of rollout.hosts) count(tally, host, rollout.policy, 1);
  const { policy, cancels, state, reason } = rollout;
  return {
    ...{ before: rollout, nowMs, policy, cancels, state, reason, tally },
    ...{ waves: [...rollout.waves], hosts: [...rollout.hosts], turns: [], asks: [], wakes: [] },
  };
}

export function setHost(draft: Draft, index: number, host: Host, turn: Step | 'soak' | null = null): void {
  const before = draft.hosts[index];
  if (before !== undefined) count(draft.tally, before, draft.policy, -1);
  count(draft.tally, host, draft.policy, 1);
  draft.hosts[index] = host;
  if (turn !== null) draft.turns.push({ hostId: host.id, wave: host.wave, step: turn });
}

export function setWave(draft: Draft, wave: Wave, changes: Partial<Wave>): Wave {
  const next = { ...wave, ...changes };
  draft.waves[wave.index] = next;
  return next;
}

export function hostsAtWork(draft: Draft): Host[] {
  return draft.tally.atWork === 0 ? [] : draft.hosts.filter(isAtWork);
}

/** Whether it waits for a place to be brought back. */
export function isWanted(host: Host, policy: Policy): boolean {
  return host.back && (host.phase === 'done' || host.phase === 'failed') && canUndo(host, policy);
}

function count(tally: Tally, host: Host, policy: Policy, by: 1 | -1): void {
  const wave = tally.waves[host.wave];
  if (wave === undefined) return;
  wave.hosts += by;
  if (host.phase === 'waiting') {
    tally.waiting += by;
    wave.waiting += by;
    wave.hopeful += by;
    return;
  }
  if (isAtWork(host)) {
    tally.atWork += by;
    wave.atWork += by;
    if (host.verdict === null && !host.back) wave.hopeful += by;
  }
  if (host.phase === 'lost' && !host.forgiven) tally.lost += by;
  if (isUnavailable(host)) tally.unavailable += by;
  if (isFailure(host)) {
    tally.failures += by;
    wave.failures += by;
  }
  if (isWanted(host, policy)) wave.wanted += by;
  if (host.phase === 'done' && !host.back) wave.done += by;
  else if (host.phase === 'skipped' || host.forgiven) wave.apart += by;
  if (host.soak === 'asked') wave.soaking += by;
}
