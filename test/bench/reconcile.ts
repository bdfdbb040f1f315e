/** What one step of a rollout costs to decide: the pure core over 10,000 hosts, beside one plain look at each of them. */
import { advance } from '../../controller/rollouts/advance.ts';
import type { Rollout } from '../../controller/rollouts/rollout.ts';
import { layOut } from '../../controller/rollouts/waves.ts';
import { systemClock } from '../../proto/system.ts';
import { durations } from './figures.ts';
import { interleave } from './interleave.ts';

const HOSTS = 10_000;
const AIM_MS = 20;
const NOW_MS = Date.UTC(2026, 10, 27, 12);

export async function reconcileSteps({ rounds }: { rounds: number }): Promise<string> {
  const rollout = begun();
  const seen = { nowMs: NOW_MS, busy: new Map<string, string>(), gone: new Set<string>() };
  const well = { state: 'succeeded', reason: null, code: null, rebooted: false, changed: true } as const;
  const atWork = rollout.hosts.filter(({ phase }) => phase === 'change').map(({ id }) => id);
  const words = atWork.map((hostId) => ({ of: 'step', hostId, step: 'change', outcome: well }) as const);
  const one = words.slice(0, 1);
  const samples = await interleave(
    {
      plain: timed(() => rollout.hosts.map((host) => ({ ...host })).length),
      nothing: timed(() => advance(rollout, [], seen)),
      one: timed(() => advance(rollout, one, seen)),
      all: timed(() => advance(rollout, words, seen)),
      wave: timed(() => advance(started(), [], seen)),
    },
    { rounds: Math.min(rounds, 100), warmUp: 20 },
  );
  const against = samples.plain;
  return [
    `One step over ${HOSTS} hosts, of which ${atWork.length} are at work (aim: below ${AIM_MS} ms)`,
    durations([
      { name: 'a copy of each host', samples: samples.plain },
      { name: 'nothing came', samples: samples.nothing, against },
      { name: 'word of one host', samples: samples.one, against },
      { name: `word of ${atWork.length} hosts at once`, samples: samples.all, against },
      { name: 'the first hosts begin', samples: samples.wave, against },
    ]),
  ].join('\n');
}

function timed(fn: () => unknown): () => Promise<number> {
  return async () => {
    const beganMs = systemClock.monotonicMs();
    fn();
    return systemClock.monotonicMs() - beganMs;
  };
}

let made: Rollout | undefined;

/** None of its hosts has begun. */
function started(): Rollout {
  if (made) return made;
  const agents = Array.from({ length: HOSTS }, (_, index) => ({
    ...{ id: String(index).padStart(32, '0'), name: `web-${index}`, labels: {} },
  }));
  const task = { command: { argv: ['true'] } };
  const { laid, problems } = layOut(
    {
      change: { kind: 'bundle', title: 'it', tasks: [task] },
      ...{ undo: [task], maxUnavailable: '10%', maxFailures: '5%' },
      waves: [{ size: '1%' }, { size: '10%' }, { rest: true }],
    },
    agents,
    NOW_MS,
  );
  if (!laid) throw new Error(problems.join('; '));
  made = { ...laid, id: 'r', state: 'running', reason: null, starter: 'ann', cancels: false };
  return made;
}

/** The last wave has begun: all places are taken. */
function begun(): Rollout {
  const rollout = started();
  const waves = rollout.waves.map((wave, index) =>
    index < 2 ? { ...wave, state: 'passed' as const } : wave,
  );
  const hosts = rollout.hosts.map((host) => (host.wave < 2 ? { ...host, phase: 'done' as const } : host));
  return advance({ ...rollout, waves, hosts }, [], { nowMs: NOW_MS, busy: new Map(), gone: new Set() })
    .rollout;
}
