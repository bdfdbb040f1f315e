import { bringBack } from './back.ts';
import { type Draft, draftOf, hostsAtWork, isWanted, setHost } from './draft.ts';
import { advanceWaves } from './gate.ts';
import { limitProblem, stop } from './limits.ts';
import { currentWave, type Host, hasEnded, type Rollout, STEPS, type Step } from './rollout.ts';
import { namesOf } from './sentence.ts';
import { openAt, shownTime } from './windows.ts';

/** What is so outside of the rollout. Everything in it is plain data. */
export interface Seen {
  /** Wall time. */
  readonly nowMs: number;
  /** Hosts that another rollout has at work, and its name. */
  readonly busy: ReadonlyMap<string, string>;
  /** Hosts that the fleet does not have any more. */
  readonly gone: ReadonlySet<string>;
}

/** A run of a held job that is given its turn; `soak` is the job of the host's wave. */
export interface Turn {
  readonly hostId: string;
  readonly wave: number;
  readonly step: Step | 'soak';
}

/** Probes of a gate that begin. Those of the observers are a held job of the wave, the controller's its own. */
export interface Ask {
  readonly wave: number;
  readonly of: 'observers' | 'controller';
}

export interface Decision {
  /** As it is from now on: what of it changed and the turns are one transaction. */
  readonly rollout: Rollout;
  readonly turns: readonly Turn[];
  readonly asks: readonly Ask[];
  /** Runs to cancel: said each time until they are over, since to cancel twice is to cancel once. */
  readonly cancels: readonly { hostId: string; step: Step }[];
  /** When to look again, if nothing happens before; wall time. */
  readonly wakeAtMs: number | null;
}

/**
 * What happens next. It depends on its arguments only and costs one look at each host; a second call with what the first one made of
 * the rollout decides nothing.
 */
export function reconcile(rollout: Rollout, seen: Seen): Decision {
  const draft = draftOf(rollout, seen.nowMs);
  if (hasEnded(draft.state)) return decision(draft, [], null);
  if (seen.gone.size > 0) skip(draft, (host) => seen.gone.has(host.id), 'it left the fleet');
  expire(draft);
  if (draft.state === 'running' || draft.state === 'paused') {
    const problem = limitProblem(draft);
    if (problem !== undefined) stop(draft, problem);
    else advanceWaves(draft);
  }
  bringBack(draft);
  if (draft.state === 'running') {
    begin(draft, seen);
    if (draft.state !== 'running') bringBack(draft);
  }
  if (draft.state === 'aborting' || draft.state === 'rolling-back')
    skip(
      draft,
      () => true,
      draft.state === 'aborting' ? 'the rollout was aborted' : 'the rollout is taken back',
    );
  end(draft);
  const cancels = draft.state === 'aborting' && draft.cancels ? cancelled(draft) : [];
  return decision(draft, cancels, hasEnded(draft.state) ? null : wakeAt(draft));
}

/** Gives hosts of the wave at work their first turn, as far as there are places. */
function begin(draft: Draft, seen: Seen): void {
  const wave = currentWave(draft);
  if (wave?.state !== 'open' || draft.tally.waves[wave.index]?.waiting === 0) return;
  const { policy, tally } = draft;
  const opening = openAt(policy.windows, policy.freezes, draft.nowMs);
  if (!opening.open) {
    draft.reason = opening.why;
    if (opening.opensAtMs !== null) draft.wakes.push(opening.opensAtMs);
    return;
  }
  draft.reason = null;
  const first = policy.steps.includes('pre') ? 'pre' : 'change';
  let busy: string | undefined;
  for (let index = 0; index < draft.hosts.length && tally.unavailable < policy.maxUnavailable; index++) {
    const host = draft.hosts[index];
    if (host?.phase !== 'waiting' || host.wave !== wave.index) continue;
    const other = seen.busy.get(host.id);
    if (other !== undefined) busy ??= `${host.name} is at work in rollout ${other}`;
    else setHost(draft, index, { ...host, phase: first, step: first }, first);
  }
  if (tally.atWork > 0) return;
  if (busy !== undefined) draft.reason = `waits: ${busy}`;
  else stop(draft, noPlace(draft));
}

function noPlace({ hosts, policy }: Draft): string {
  const broken = hosts.filter((host) => (host.phase === 'lost' || host.phase === 'failed') && !host.forgiven);
  return `${namesOf(broken)} left no place: they count as unavailable, and maxUnavailable is ${policy.maxUnavailable}; "resume" goes on without them`;
}

function skip(draft: Draft, which: (host: Host) => boolean, reason: string): void {
  if (draft.tally.waiting === 0) return;
  draft.hosts.forEach((host, index) => {
    if (host.phase === 'waiting' && which(host)) setHost(draft, index, { ...host, phase: 'skipped', reason });
  });
}

/** Agents start nothing any more of orders that expired: what is at work comes to its end, and nothing else begins. */
function expire(draft: Draft): void {
  if (draft.nowMs < draft.policy.expiresAtMs || draft.state === 'aborting') return;
  draft.state = 'aborting';
  draft.reason = `its orders expired ${shownTime(draft.policy.expiresAtMs)}`;
}

function end(draft: Draft): void {
  const { tally } = draft;
  if (tally.atWork > 0) return;
  if (draft.state === 'aborting') draft.state = 'aborted';
  if (draft.state === 'rolling-back' && !draft.hosts.some((host) => isWanted(host, draft.policy))) {
    const left = draft.hosts.filter(
      (host) =>
        host.changed !== false && (host.changed === true || host.phase === 'lost' || host.phase === 'failed'),
    );
    draft.state = 'rolled-back';
    draft.reason = left.length === 0 ? null : `not brought back: ${namesOf(left)}`;
  }
  if ((draft.state === 'running' || draft.state === 'paused') && currentWave(draft) === undefined) {
    draft.state = 'succeeded';
    draft.reason = null;
  }
}

/** Of what takes a host back nothing is cancelled. */
function cancelled(draft: Draft): { hostId: string; step: Step }[] {
  return hostsAtWork(draft).flatMap(({ id, phase }) => {
    const step = STEPS.find((one) => one === phase);
    return step === undefined || step === 'undo' || step === 'restore' ? [] : [{ hostId: id, step }];
  });
}

function wakeAt({ wakes, policy, nowMs }: Draft): number | null {
  const ahead = [...wakes, policy.expiresAtMs].filter((ms) => ms > nowMs);
  return ahead.length === 0 ? null : Math.min(...ahead);
}

function decision(draft: Draft, cancels: Decision['cancels'], wakeAtMs: number | null): Decision {
  const { state, reason, waves, hosts, turns, asks } = draft;
  return { rollout: { ...draft.before, state, reason, waves, hosts }, turns, asks, cancels, wakeAtMs };
}
