/** A rollout in memory, as it was last written, and what is known of it beside. */
import type { Database } from '../db/database.ts';
import type { Word } from './advance.ts';
import type { Shown } from './history.ts';
import { type Host, isAtWork, type Rollout, type Step } from './rollout.ts';
import { rolloutOf, shownOf } from './rows.ts';
import { hostsOfRollout, jobsOfRollout, rolloutById, wavesOfRollout } from './store.ts';

export interface Active {
  readonly name: string;
  readonly createdAtMs: number;
  readonly shown: Shown;
  rollout: Rollout;
  /** Where each host is among its hosts, which never change places. */
  readonly places: ReadonlyMap<string, number>;
  /** The job of a step; none where only the controller checks. */
  readonly jobs: ReadonlyMap<Step, string>;
  readonly soaks: ReadonlyMap<number, readonly string[]>;
  readonly observes: ReadonlyMap<number, readonly string[]>;
  /** Words of the controller's own probes, not taken in yet. */
  words: Word[];
  /** Runs of which something was heard. */
  heard: Set<string>;
  /** Its hosts that left the fleet. */
  readonly gone: Set<string>;
  /** What the controller probes now, by host, or by wave. */
  readonly probings: Map<string, AbortController>;
  /** What was cancelled already. */
  readonly cancelled: Set<string>;
}

/** What a word may be about. */
export type About =
  | { readonly of: Step | 'soak'; readonly hostId: string }
  | { readonly of: 'observers'; readonly wave: number };

export const keyOf = (about: About): string =>
  about.of === 'observers' ? `observers ${about.wave}` : `${about.of} ${about.hostId}`;

export function aboutOf(key: string): About {
  const [of = '', rest = ''] = key.split(' ');
  return of === 'observers' ? { of, wave: Number(rest) } : { of: of as Step | 'soak', hostId: rest };
}

/** From the store; undefined: there is none. Everything that may have happened while nobody looked counts as heard. */
export async function loadActive(
  db: Database,
  id: string,
  isHere: (agentId: string) => boolean,
): Promise<Active | undefined> {
  const [row] = await db.read(rolloutById({ id }));
  if (!row) return undefined;
  const rollout = rolloutOf(
    row,
    await db.read(wavesOfRollout({ id })),
    await db.read(hostsOfRollout({ id })),
  );
  const jobs = new Map<Step, string>();
  const soaks = new Map<number, string[]>();
  const observes = new Map<number, string[]>();
  for (const { step, wave, job_id } of await db.read(jobsOfRollout({ id }))) {
    if (step !== 'soak' && step !== 'observe') jobs.set(step, job_id);
    else {
      const those = step === 'soak' ? soaks : observes;
      those.set(wave ?? 0, [...(those.get(wave ?? 0) ?? []), job_id]);
    }
  }
  return {
    ...{ name: row.name, createdAtMs: row.created_at_ms, shown: shownOf(row), rollout },
    places: new Map(rollout.hosts.map((host, place) => [host.id, place])),
    ...{ jobs, soaks, observes, words: [], probings: new Map(), cancelled: new Set() },
    heard: new Set(openAbout(rollout).map(keyOf)),
    gone: new Set(rollout.hosts.filter((host) => !isHere(host.id)).map((host) => host.id)),
  };
}

/** Whatever it waits for. */
export function openAbout({ hosts, waves }: Rollout): About[] {
  return [
    ...hosts.flatMap((host) => [
      ...stepsAwaited(host).map((of) => ({ of, hostId: host.id }) as const),
      ...(host.soak === 'asked' ? [{ of: 'soak', hostId: host.id } as const] : []),
    ]),
    ...waves.flatMap((wave) =>
      wave.observers === 'asked' ? [{ of: 'observers', wave: wave.index } as const] : [],
    ),
  ];
}

function stepsAwaited(host: Host): Step[] {
  const isAwaited = isAtWork(host) || host.phase === 'lost' || host.phase === 'failed';
  return isAwaited && host.step !== null ? [host.step] : [];
}
