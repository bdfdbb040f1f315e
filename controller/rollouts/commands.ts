/** What operators say of a rollout. Each gives the rollout as it is from then on, of which `advance` makes what happens next. */
import { MusterError } from '../../proto/errors.ts';
import { isWanted } from './draft.ts';
import { mayApprove } from './gate.ts';
import {
  canGoBack,
  currentWave,
  type Host,
  hasEnded,
  isAtWork,
  isFailure,
  type Rollout,
  type Wave,
} from './rollout.ts';
import { titled } from './sentence.ts';

/** Nothing further begins; what is at work goes on to its end. Throws MusterError('rollout-state'). */
export function pause(rollout: Rollout, reason: string | null): Rollout {
  if (rollout.state !== 'running') throw wrongState(rollout, 'only one that is running can be paused');
  return { ...rollout, state: 'paused', reason };
}

/**
 * It goes on in spite of what failed until now: that does not count any more, and takes no place. A gate that did not hold is passed by.
 * Throws MusterError('rollout-state').
 */
export function resume(rollout: Rollout): Rollout {
  const { state } = rollout;
  if (state === 'paused') return { ...rollout, state: 'running', reason: null };
  if (state !== 'stopped' && state !== 'rolling-back')
    throw wrongState(rollout, 'only one that is paused or stopped can be resumed');
  const hosts = rollout.hosts.map(forgiven);
  if (state === 'rolling-back') return { ...rollout, hosts, reason: null };
  return { ...rollout, state: 'running', reason: null, hosts, waves: rollout.waves.map(waived) };
}

function forgiven(host: Host): Host {
  // Whoever was brought back with others did not fail, and keeps no gate from passing either.
  const counts = isFailure(host) || host.verdict === 'drifted' || host.back || host.phase === 'reverted';
  if (host.forgiven || !counts) return host;
  return { ...host, forgiven: true };
}

function waived(wave: Wave): Wave {
  if (wave.state !== 'failed') return wave;
  // Its share is looked at again, without those that are forgiven.
  if (wave.soakUntilMs === null) return { ...wave, state: 'open', reason: null };
  const observers = wave.observers === 'failed' ? 'waived' : wave.observers;
  const controller = wave.controller === 'failed' ? 'waived' : wave.controller;
  return {
    ...wave,
    state: wave.gate.soakMs > 0 ? 'soaking' : 'probing',
    reason: null,
    observers,
    controller,
  };
}

/**
 * Lets the wave pass that waits for it; `index` of another one is refused. Throws MusterError: rollout-state, forbidden (by who started it,
 * where it has to be somebody else).
 */
export function approve(rollout: Rollout, by: string, index: number | undefined, nowMs: number): Rollout {
  const wave = currentWave(rollout);
  if (hasEnded(rollout.state) || wave?.state !== 'approval' || (index !== undefined && index !== wave.index))
    throw wrongState(rollout, 'no wave of it that was meant waits for an approval');
  if (!mayApprove(rollout, wave, by))
    throw new MusterError(
      'forbidden',
      `${titled(wave.name)} has to be approved by somebody else than who started the rollout`,
    );
  return {
    ...rollout,
    waves: rollout.waves.with(wave.index, { ...wave, approvedBy: by, approvedAtMs: nowMs }),
  };
}

/** It ends: what hosts are at they finish, or it is cancelled. Who was to be brought back and is not broken stays. Throws MusterError('rollout-state'). */
export function abort(rollout: Rollout, cancels: boolean, reason: string | null): Rollout {
  const isSaidAlready = rollout.state === 'aborting' && (rollout.cancels || !cancels);
  if (hasEnded(rollout.state) || isSaidAlready) throw wrongState(rollout, 'it ends or has ended already');
  const hosts = rollout.hosts.map((host) =>
    host.back && host.phase === 'done' ? { ...host, back: false } : host,
  );
  return { ...rollout, state: 'aborting', cancels, reason, hosts };
}

/**
 * Brings hosts back: those of `hostIds`, or all that were changed. As after a resume, what failed until now takes no place. While its orders
 * are valid that can be done after the end, too. Throws MusterError('rollout-state').
 */
export function rollback(rollout: Rollout, hostIds: ReadonlySet<string> | undefined, nowMs: number): Rollout {
  const { policy } = rollout;
  if (nowMs >= policy.expiresAtMs)
    throw wrongState(rollout, 'its orders have expired; roll out the versions before');
  const isMeant = (host: Host): boolean => hostIds === undefined || hostIds.has(host.id);
  const hosts = rollout.hosts.map((host) => {
    if (!isMeant(host) || host.phase === 'waiting') return host;
    const mayChange =
      isAtWork(host) || host.phase === 'done' || host.phase === 'failed' || host.phase === 'lost';
    return mayChange && canGoBack(host, policy) ? { ...forgiven(host), back: true } : forgiven(host);
  });
  if (!hosts.some((host) => isWanted(host, policy) || (host.back && isAtWork(host) && isMeant(host))))
    throw wrongState(rollout, 'none of these hosts was changed and has a way back');
  const isWhole = hostIds === undefined || hasEnded(rollout.state);
  return { ...rollout, hosts, ...(isWhole ? { state: 'rolling-back', reason: null } : {}) };
}

function wrongState({ state }: Rollout, why: string): MusterError {
  return new MusterError('rollout-state', `it is ${state}: ${why}`);
}
