import type { Active } from './active.ts';
import { type Host, hasEnded, isAtWork } from './rollout.ts';

/**
 * Hosts of a rollout that another one has, and its name. The one that was started first has them until it is over with them; of a
 * later one only those that it is at work on.
 */
export function claimsOf(active: Active, all: ReadonlyMap<string, Active>): ReadonlyMap<string, string> {
  const claims = new Map<string, string>();
  for (const other of all.values()) {
    if (other === active || hasEnded(other.rollout.state)) continue;
    const [few, many] = other.places.size < active.places.size ? [other, active] : [active, other];
    for (const id of few.places.keys()) {
      if (!many.places.has(id)) continue;
      const host = other.rollout.hosts[other.places.get(id) ?? -1];
      if (host && (isAtWork(host) || (isEarlier(other, active) && isAwaited(host))))
        claims.set(id, other.name);
    }
  }
  return claims;
}

/** Whether both have a host. */
export function shares(one: Active, other: Active): boolean {
  const [few, many] = one.places.size < other.places.size ? [one, other] : [other, one];
  for (const id of few.places.keys()) if (many.places.has(id)) return true;
  return false;
}

function isAwaited({ phase }: Host): boolean {
  return phase === 'waiting' || phase === 'lost';
}

function isEarlier(one: Active, other: Active): boolean {
  if (one.createdAtMs !== other.createdAtMs) return one.createdAtMs < other.createdAtMs;
  return one.rollout.id < other.rollout.id;
}
