import { type Draft, isWanted, setHost } from './draft.ts';
import { isUnavailable } from './rollout.ts';
import { counted, namesOf } from './sentence.ts';

/**
 * Begins the undo of hosts that are wanted back, the last ones first, as far as there are places. A host that is broken has its place
 * already, so that its undo makes nobody else unavailable; but never are more than `maxUnavailable` at work, and a host that is lost may be.
 */
export function bringBack(draft: Draft): void {
  const { tally, policy, hosts } = draft;
  if (tally.waves.every((wave) => wave.wanted === 0) || draft.nowMs >= policy.expiresAtMs) return;
  const isFull = (): boolean => tally.atWork + tally.lost >= policy.maxUnavailable;
  for (let index = hosts.length - 1; index >= 0 && !isFull(); index--) {
    const host = hosts[index];
    if (host === undefined || !isWanted(host, policy)) continue;
    if (!isUnavailable(host) && tally.unavailable >= policy.maxUnavailable) continue;
    // Who is done, and whom an operator went on without before, counts again.
    const forgiven = host.forgiven && host.phase !== 'done';
    setHost(draft, index, { ...host, forgiven, phase: 'undo', step: 'undo' }, 'undo');
  }
  const waits = tally.waves.reduce((sum, wave) => sum + wave.wanted, 0);
  if (tally.atWork > 0 || waits === 0) return;
  const broken = hosts.filter((host) => isUnavailable(host));
  draft.reason = `${counted(waits, 'host')} cannot be brought back: ${namesOf(broken)} left no place, and maxUnavailable is ${policy.maxUnavailable}; "resume" goes on without them`;
}
