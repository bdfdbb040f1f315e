import assert from 'node:assert/strict';
import test from 'node:test';
import { advance } from '../../../controller/rollouts/advance.ts';
import { approve } from '../../../controller/rollouts/commands.ts';
import type { Rollout } from '../../../controller/rollouts/rollout.ts';
import { type Advance, type Approve, historyOf } from './chance.ts';

const SEEDS = Number(process.env.MUSTER_ROLLOUT_SEEDS ?? 1_500);
const ONLY = process.env.MUSTER_ROLLOUT_SEED;

test('what is promised of rollouts holds in histories of chance, and each comes to its end', () => {
  const ends = new Map<string, number>();
  for (const seed of ONLY === undefined ? Array(SEEDS).keys() : [Number(ONLY)]) {
    const { broken, story, end } = historyOf(seed);
    assert.equal(broken, undefined, `MUSTER_ROLLOUT_SEED=${seed}: ${broken}\n${story.join('\n')}`);
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  if (ONLY === undefined) assert.deepEqual([...ends.keys()].sort(), ['aborted', 'rolled-back', 'succeeded']);
});

/** Goes on as if something of the rollout were otherwise, and writes it as it was. */
const asIf =
  (change: (rollout: Rollout) => Rollout): Advance =>
  (rollout, words, seen) => {
    const decided = advance(change(rollout), words, seen);
    const { policy } = rollout;
    const waves = decided.rollout.waves.map((wave, index) => ({
      ...wave,
      gate: rollout.waves[index]?.gate ?? wave.gate,
    }));
    return { ...decided, rollout: { ...decided.rollout, policy, waves } };
  };
const withPolicy = (changed: Partial<Rollout['policy']>): Advance =>
  asIf((rollout) => ({ ...rollout, policy: { ...rollout.policy, ...changed } }));
const withGates = (changed: Partial<Rollout['waves'][number]['gate']>): Advance =>
  asIf((rollout) => ({
    ...rollout,
    waves: rollout.waves.map((wave) => ({ ...wave, gate: { ...wave.gate, ...changed } })),
  }));

const WEAKENED: Record<string, Advance> = {
  'failures do not count': withPolicy({ maxFailures: 1_000 }),
  'one place too many': asIf((rollout) => ({
    ...rollout,
    policy: { ...rollout.policy, maxUnavailable: rollout.policy.maxUnavailable + 1 },
  })),
  'lost hosts are free': asIf((rollout) => ({
    ...rollout,
    hosts: rollout.hosts.map((host) => (host.phase === 'lost' ? { ...host, forgiven: true } : host)),
  })),
  'windows are not looked at': withPolicy({ windows: [] }),
  'freezes are not looked at': withPolicy({ freezes: [] }),
  'nothing soaks': withGates({ soakMs: 0 }),
  'nobody has to approve': withGates({ approval: 'nobody' }),
  'any share will do': withGates({ successPercent: null }),
  'a gate opens before the last host is over': asIf((rollout) => ({
    ...rollout,
    waves: rollout.waves.map((wave) => (wave.state === 'open' ? { ...wave, state: 'passed' } : wave)),
  })),
  'phases are not written with the turns': (rollout, words, seen) => {
    const decided = advance(rollout, words, seen);
    return { ...decided, rollout: { ...decided.rollout, hosts: rollout.hosts } };
  },
  'a rollback ends before all are back': (rollout, words, seen) => {
    const decided = advance(rollout, words, seen);
    return decided.rollout.state === 'rolling-back'
      ? { ...decided, rollout: { ...decided.rollout, state: 'rolled-back' } }
      : decided;
  },
};

/** Both the command and what passes the wave are without the check. */
const ANYBODY: readonly [Advance, Approve] = [
  withGates({ approval: 'anybody' }),
  (rollout, ...said) => {
    const after = approve({ ...rollout, starter: '' }, ...said);
    return { ...after, starter: rollout.starter };
  },
];

test('the histories see it within 400 seeds where the starter may approve', () => {
  const seen = Array.from({ length: 400 }, (_, seed) => historyOf(seed, ...ANYBODY).broken);
  assert.ok(seen.some((broken) => broken?.includes('was approved by who started it')));
});

for (const [what, weakened] of Object.entries(WEAKENED))
  test(`the histories see it within 400 seeds where ${what}`, () => {
    for (let seed = 0; seed < 400; seed++) if (historyOf(seed, weakened).broken !== undefined) return;
    assert.fail('no history shows it');
  });
