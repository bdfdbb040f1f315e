import type {
  HostDetail,
  PhaseCounts,
  RolloutDetail,
  RolloutEvent,
  RolloutState,
  WaveDetail,
  WaveState,
} from '../../api/contract.ts';
import { countOf, PHASES, STANDING } from './phases.ts';

/** Where a rollout stands, as its detail said it and the events after it go on. */
export interface Board {
  detail(): RolloutDetail;
  waves(): readonly WaveDetail[];
  /** With the time since when each is at its phase; those that are longest at it come first. */
  atWork(): AtWork[];
  /** Ended without success. */
  unsuccessful(): HostDetail[];
  /** How many hosts of a wave came to an end, and in which time: of the latest wave that tells. */
  pace(): { ended: number; overMs: number } | undefined;
  /** What is known of it anew: replaces all. */
  replace(detail: RolloutDetail): void;
  /** What the board knows already is passed over. */
  apply(event: RolloutEvent): void;
}

export interface AtWork {
  host: HostDetail;
  sinceMs: number | null;
}

export function createBoard(first: RolloutDetail): Board {
  let rollout = first;
  let hosts = new Map<string, HostDetail>();
  let waves: WaveDetail[] = [];
  /** By host: since when it is at its phase, where that was told. */
  let since = new Map<string, number>();
  /** By wave: when the last of its hosts came to an end. */
  let lastEnds = new Map<number, number>();
  replace(first);

  function replace(detail: RolloutDetail): void {
    rollout = detail;
    waves = [...detail.waveDetails];
    const before = hosts;
    hosts = new Map(detail.hostDetails.map((host) => [host.agentId, host]));
    since = new Map([...since].filter(([id]) => before.get(id)?.phase === hosts.get(id)?.phase));
    lastEnds = new Map();
    for (const { wave, endedAtMs, phase } of detail.hostDetails)
      if (endedAtMs !== null && phase !== 'skipped') ended(wave, endedAtMs);
  }

  function ended(wave: number, atMs: number): void {
    lastEnds.set(wave, Math.max(atMs, lastEnds.get(wave) ?? 0));
  }

  function toPhase({ agentId, to, atMs, reason }: RolloutEvent): void {
    const host = hosts.get(agentId ?? '');
    const phase = PHASES.find((one) => one === to);
    if (!host || phase === undefined) return;
    const isOver = !['waiting', 'at-work'].includes(STANDING[phase]);
    hosts.set(host.agentId, {
      ...host,
      ...{ phase, reason },
      beganAtMs: host.beganAtMs ?? atMs,
      endedAtMs: isOver ? atMs : null,
    });
    since.set(host.agentId, atMs);
    if (isOver && phase !== 'skipped') ended(host.wave, atMs);
    const moved = (counts: PhaseCounts): PhaseCounts => {
      const less = { ...counts, [host.phase]: Math.max(0, (counts[host.phase] ?? 0) - 1) };
      return { ...less, [phase]: (less[phase] ?? 0) + 1 };
    };
    rollout = { ...rollout, counts: moved(rollout.counts) };
    waves = waves.map((wave) => (wave.index === host.wave ? { ...wave, counts: moved(wave.counts) } : wave));
  }

  return {
    detail: () => rollout,
    waves: () => waves,
    atWork: () =>
      [...hosts.values()]
        .filter(({ phase }) => STANDING[phase] === 'at-work')
        .map((host) => ({ host, sinceMs: since.get(host.agentId) ?? host.beganAtMs }))
        .sort((a, b) => (a.sinceMs ?? 0) - (b.sinceMs ?? 0)),
    unsuccessful: () =>
      [...hosts.values()].filter(({ phase }) => ['failed', 'not-done'].includes(STANDING[phase])),
    pace() {
      const told = waves.findLast(({ index, beganAtMs }) => beganAtMs !== null && lastEnds.has(index));
      if (told === undefined) return undefined;
      const overMs = (lastEnds.get(told.index) ?? 0) - (told.beganAtMs ?? 0);
      return { ended: countOf(told.counts, 'done', 'failed', 'not-done'), overMs: Math.max(1, overMs) };
    },
    replace,
    apply(event) {
      if (event.seq <= rollout.seq) return;
      const { seq, wave, reason } = event;
      if (event.what === 'host') toPhase(event);
      else if (event.what === 'wave')
        waves = waves.map((one) =>
          one.index === wave ? { ...one, state: event.to as WaveState, reason } : one,
        );
      else if (event.what === 'state') rollout = { ...rollout, state: event.to as RolloutState, reason };
      rollout = { ...rollout, seq };
    },
  };
}
