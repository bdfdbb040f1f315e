import type { Active } from './active.ts';
import type { Word } from './advance.ts';
import type { RolloutsPorts } from './ports.ts';
import type { createProber, Probed } from './probing.ts';
import type { Decision } from './reconcile.ts';

/** What the controller probes of rollouts: hosts after their change, and waves at their gates. What comes of it is a word of the rollout. */
export function createProbings(
  ports: Pick<RolloutsPorts, 'clock' | 'log' | 'inventory'> & {
    prober: ReturnType<typeof createProber>;
    wake(rollout: string): void;
  },
) {
  /** What was decided begins to be probed, and what is not wanted any more ends. */
  function follow(active: Active, { rollout, asks }: Decision, toProbe: readonly string[]): void {
    const { own } = active.shown;
    for (const [key, probing] of active.probings) {
      const place = active.places.get(key);
      const isWanted =
        place === undefined
          ? rollout.waves[Number(key)]?.controller === 'asked'
          : rollout.hosts[place]?.phase === 'check';
      if (isWanted) continue;
      probing.abort();
      active.probings.delete(key);
    }
    for (const hostId of toProbe)
      if (rollout.hosts[active.places.get(hostId) ?? -1]?.phase === 'check')
        ask(active, hostId, [hostId], undefined, ({ held, reason }) => ({
          ...{ of: 'step', hostId, step: 'check' },
          outcome: {
            ...{ state: held ? 'succeeded' : 'failed', reason, code: held ? null : 'probe-failed' },
            ...{ rebooted: false, changed: null },
          },
        }));
    const isAsked = new Set(asks.filter(({ of }) => of === 'controller').map(({ wave }) => wave));
    for (const wave of rollout.waves) {
      const { index } = wave;
      if (wave.controller !== 'asked' || (active.probings.has(String(index)) && !isAsked.has(index)))
        continue;
      const done = rollout.hosts.filter((host) => host.wave === index && host.phase === 'done');
      const leftMs = Math.max(0, (wave.soakUntilMs ?? 0) - ports.clock.now());
      ask(
        active,
        String(index),
        done.map((host) => host.id),
        own.length > 0 && wave.gate.soakMs === 0 ? undefined : leftMs,
        ({ held, reason }) => ({ of: 'controller', wave: index, held, reason }),
      );
    }
  }

  function ask(
    active: Active,
    key: string,
    hostIds: readonly string[],
    holdMs: number | undefined,
    wordOf: (probed: Probed) => Word,
  ): void {
    if (active.probings.has(key)) return;
    const probing = new AbortController();
    active.probings.set(key, probing);
    const hosts = hostIds.map((id) => {
      const host = active.rollout.hosts[active.places.get(id) ?? -1];
      return { name: host?.name ?? id, address: ports.inventory.get(id)?.address ?? null };
    });
    ports.prober.all(active.shown.own, hosts, holdMs, probing.signal).then(
      (probed) => {
        if (probing.signal.aborted) return;
        active.probings.delete(key);
        active.words.push(wordOf(probed));
        ports.wake(active.rollout.id);
      },
      (error: unknown) => {
        if (probing.signal.aborted) return;
        ports.log.error({ err: error, rollout: active.rollout.id }, 'probes failed');
      },
    );
  }

  return { follow };
}
