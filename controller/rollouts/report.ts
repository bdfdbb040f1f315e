/** What can be handed to an auditor. */
import type { Clock } from '../../proto/clock.ts';
import type { Versions } from '../../proto/packages.ts';
import type { Database } from '../db/database.ts';
import {
  type HostDetail,
  hostDetail,
  type RolloutDetail,
  type RolloutEvent,
  type RolloutHistory,
} from './history.ts';
import type { RolloutsPorts } from './ports.ts';
import { changesOfRollout, type HostRow, hostsOfRollout } from './store.ts';

export interface RolloutReport {
  rollout: RolloutDetail;
  events: RolloutEvent[];
  hosts: (HostDetail & {
    changes: { name: string; arch: string; before: string; planned: string; after: string }[];
  })[];
  madeAtMs: number;
  auditHead: string | null;
}

const PAGE = 1_000;

/** Throws MusterError('no-such-rollout'). */
export async function reportOf(
  {
    db,
    clock,
    audit,
    history,
  }: { db: Database; clock: Clock; audit: RolloutsPorts['audit']; history: RolloutHistory },
  id: string,
): Promise<RolloutReport> {
  const rollout = await history.show(id);
  const events: RolloutEvent[] = [];
  for (let after = 0; ; ) {
    const page = await history.events(id, after, PAGE);
    events.push(...page.events);
    after = page.events.at(-1)?.seq ?? after;
    if (page.events.length < PAGE) break;
  }
  const [row] = await db.read(changesOfRollout({ id }));
  const groups = JSON.parse(row?.changes ?? '[]') as { changes: Versions[] }[];
  const head = await audit.head();
  return {
    rollout,
    events,
    hosts: (await db.read(hostsOfRollout({ id }))).map((host) => ({
      ...hostDetail(host),
      changes: (groups[host.change_group ?? -1]?.changes ?? []).map(({ name, arch, from, to }) => ({
        ...{ name, arch, before: from, planned: to, after: versionNow(host, from, to) },
      })),
    })),
    madeAtMs: clock.now(),
    auditHead: head.seq === 0 ? null : `${head.seq}:${head.hash}`,
  };
}

/** Where nobody knows whether it changed, that is said. */
function versionNow({ changed }: HostRow, from: string, to: string): string {
  if (changed === null) return 'unknown';
  return changed === 1 ? to : from;
}
