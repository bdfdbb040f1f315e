import { type Move, observe, observeSoak } from './observe.ts';
import { type Decision, reconcile, type Seen, type Turn } from './reconcile.ts';
import type { Host, Rollout, Step, StepOutcome, Wave } from './rollout.ts';

/** What came of a turn or of what a gate asked; said again it changes nothing. */
export type Word =
  | { readonly of: 'step'; readonly hostId: string; readonly step: Step; readonly outcome: StepOutcome }
  | { readonly of: 'soak'; readonly hostId: string; readonly outcome: StepOutcome }
  /** All that was asked at the gate of a wave: whether it holds, or why it does not. */
  | {
      readonly of: 'observers' | 'controller';
      readonly wave: number;
      readonly held: boolean;
      readonly reason: string | null;
    };

/** The one way on: takes in what came, and decides what happens next. Costs one look at each host, however many words there are. */
export function advance(rollout: Rollout, words: readonly Word[], seen: Seen): Decision {
  const { hosts, turns } = words.length === 0 ? { hosts: rollout.hosts, turns: [] } : heard(rollout, words);
  const waves = words.reduce(heardByGate, rollout.waves);
  const decided = reconcile({ ...rollout, hosts, waves }, seen);
  return { ...decided, turns: [...turns, ...decided.turns] };
}

function heard(rollout: Rollout, words: readonly Word[]): { hosts: readonly Host[]; turns: Turn[] } {
  const byHost = new Map<string, Word[]>();
  for (const word of words) {
    if (word.of !== 'step' && word.of !== 'soak') continue;
    const others = byHost.get(word.hostId);
    if (others) others.push(word);
    else byHost.set(word.hostId, [word]);
  }
  const turns: Turn[] = [];
  const hosts = rollout.hosts.map((host) => {
    let after = host;
    for (const word of byHost.get(host.id) ?? []) {
      const move = moveBy(rollout, after, word);
      if (move === undefined) continue;
      after = move.host;
      if (move.turn !== null) turns.push({ hostId: host.id, wave: host.wave, step: move.turn });
    }
    return after;
  });
  return { hosts, turns };
}

function moveBy(rollout: Rollout, host: Host, word: Word): Move | undefined {
  if (word.of === 'step') return observe(rollout, host, word.step, word.outcome);
  return word.of === 'soak' ? observeSoak(rollout, host, word.outcome) : undefined;
}

function heardByGate(waves: readonly Wave[], word: Word): readonly Wave[] {
  if (word.of !== 'observers' && word.of !== 'controller') return waves;
  const wave = waves[word.wave];
  if (wave?.[word.of] !== 'asked') return waves;
  const answered = {
    ...wave,
    [word.of]: word.held ? 'held' : 'failed',
    reason: word.held ? wave.reason : word.reason,
  };
  return waves.with(word.wave, answered as Wave);
}

/** What of it is other than before, to be written. Hosts and waves keep their places. */
export function changes(
  before: Rollout,
  after: Rollout,
): { hosts: Host[]; waves: Wave[]; isChanged: boolean } {
  const hosts = after.hosts.filter((host, index) => host !== before.hosts[index]);
  const waves = after.waves.filter((wave, index) => wave !== before.waves[index]);
  const isSame =
    before.state === after.state && before.reason === after.reason && before.cancels === after.cancels;
  return { hosts, waves, isChanged: !isSame };
}
