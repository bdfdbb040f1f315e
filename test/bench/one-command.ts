/** One command on one agent: how long from the request to the committed report, and where that goes. */
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { AgentMoments } from './agent-process.ts';
import { startBare } from './bare.ts';
import { durations, median, over, percentile, short, table } from './figures.ts';
import { interleave, type Sampler } from './interleave.ts';
import { startWorld, type Timed, type World } from './world.ts';

const TRUE = ['/bin/true'] as const;
const UNAME = ['uname', '-a'] as const;
const AIM_MS = 3;
const WARM_UP = 30;
/** In each round and place: two on the real agent, one on the other. */
const COMMANDS = { controller: 3, agent: 2 } as const;

/** Where the homes of controller and agents are: a disk that has to be waited for, and memory that has not. */
const PLACES = {
  disk: tmpdir(),
  memory: '/dev/shm',
} as const;
type Place = keyof typeof PLACES;

export async function oneCommand({ rounds }: { rounds: number }): Promise<string> {
  const places = (Object.keys(PLACES) as Place[]).filter((place) => existsSync(PLACES[place]));
  const bare = await startBare();
  const worlds = new Map<Place, World>();
  try {
    for (const place of places) worlds.set(place, await startWorld(PLACES[place]));
    const reports: string[] = [];
    const kept = new Map<Place, { real: Timed[]; marked: Timed[] }>();
    const samplers: Record<string, Sampler> = {
      echo: bare.echo,
      'spawn true': () => bare.spawn(TRUE),
      'spawn uname': () => bare.spawn(UNAME),
    };
    for (const [place, world] of worlds) {
      const runs = { real: [] as Timed[], marked: [] as Timed[] };
      kept.set(place, runs);
      const sample = (agent: 'real' | 'marked', argv: readonly string[]) => async () => {
        const timed = await world.run(agent, argv);
        if (argv === TRUE) runs[agent].push(timed);
        return timed.ended - timed.reached;
      };
      samplers[`${place} true`] = sample('real', TRUE);
      samplers[`${place} uname`] = sample('real', UNAME);
      samplers[`${place} stages`] = sample('marked', TRUE);
      samplers[`${place} sync`] = () => bare.sync(world.home);
    }
    const before = await Promise.all([...worlds.values()].map((world) => world.cpu()));
    const samples = await interleave(samplers, { rounds, warmUp: WARM_UP });
    for (const [index, [place, world]] of [...worlds].entries()) {
      const runs = kept.get(place);
      const began = before[index];
      if (!runs || !began) continue;
      reports.push(
        `${totals(place, samples)}\n${spent(began, await world.cpu(), rounds + WARM_UP)}`,
        stages(place, runs.real.slice(-rounds), runs.marked.slice(-rounds)),
      );
    }
    return reports.join('\n\n');
  } finally {
    for (const world of worlds.values()) await world.stop();
    await bare.stop();
  }
}

function totals(place: Place, samples: Record<string, number[]>): string {
  const of = (name: string): number[] => samples[name] ?? [];
  const lines = [`One command, one agent; homes in ${PLACES[place]} (${place})`];
  lines.push(
    durations([
      { name: 'bare: ws echo over TLS', samples: of('echo') },
      { name: 'bare: spawn /bin/true', samples: of('spawn true') },
      { name: 'bare: spawn uname -a', samples: of('spawn uname') },
      { name: 'bare: one durable page', samples: of(`${place} sync`) },
      { name: 'muster: /bin/true', samples: of(`${place} true`), against: sum(of('spawn true'), of('echo')) },
      {
        name: 'muster: uname -a',
        samples: of(`${place} uname`),
        against: sum(of('spawn uname'), of('echo')),
      },
    ]),
  );
  for (const name of ['true', 'uname']) {
    const more = over(of(`${place} ${name}`), of('echo'), of(`spawn ${name}`));
    lines.push(
      `${name}: over spawn + echo, pair by pair: p50 ${short(median(more))} ms, p99 ${short(percentile(more, 0.99))} ms (aim: p50 ${AIM_MS} ms)`,
    );
  }
  return lines.join('\n');
}

type Spent = Awaited<ReturnType<World['cpu']>>;

function spent(from: Spent, to: Spent, rounds: number): string {
  const controllerMs = (to.controllerMs - from.controllerMs) / rounds / COMMANDS.controller;
  const agentMs = (to.agent.ownMs - from.agent.ownMs) / rounds / COMMANDS.agent;
  const childrenMs = (to.agent.childrenMs - from.agent.childrenMs) / rounds / COMMANDS.agent;
  return `CPU of a command: controller ${short(controllerMs)} ms, agent ${short(agentMs)} ms, its processes ${short(childrenMs)} ms`;
}

const sum = (a: readonly number[], b: readonly number[]): number[] =>
  a.map((value, index) => value + (b[index] ?? 0));

type Stage = readonly [name: string, of: (timed: Timed & { agent: Required<AgentMoments> }) => number];

/** Adjoining: together they are the whole. */
const WHOLE: readonly Stage[] = [
  ['controller: request read, signed, sealed, job committed', (t) => t.created - t.reached],
  ['to the agent: wrapped, sent, received', (t) => t.agent.delivered - t.created],
  ['agent: opened and checked', (t) => t.agent.opened - t.agent.delivered],
  ['agent: looked up user and folder', (t) => t.agent.accepting - t.agent.opened],
  ['agent: accepted in the journal, durable', (t) => t.agent.accepted - t.agent.accepting],
  ['agent: command from start to end, under its shim', (t) => t.agent.ended - t.agent.accepted],
  ['agent: report made', (t) => t.agent.concluding - t.agent.ended],
  ['agent: report signed, in the journal, durable', (t) => t.agent.concluded - t.agent.concluding],
  ['controller: report received, checked, committed', (t) => t.ended - t.agent.concluded],
];
const BESIDE: readonly Stage[] = [
  ['beside it: from the job to "running", committed', (t) => (t.changes[0] ?? Number.NaN) - t.created],
  ['before it: the client and its request', (t) => t.reached - t.asked],
];

function stages(place: Place, real: readonly Timed[], marked: readonly Timed[]): string {
  const complete = marked.filter(isComplete);
  const rows = [...WHOLE, ...BESIDE].map(([name, of]) => {
    const samples = complete.map(of);
    return [name, short(median(samples)), short(percentile(samples, 0.99))];
  });
  const whole = complete.map((t) => t.ended - t.reached);
  const ran = real.map((t) => t.ranMs);
  return [
    `Where the time of /bin/true goes (${place}; ${complete.length} runs on an agent whose ports say when they are used)`,
    table(['milliseconds', 'p50', 'p99'], rows),
    `the whole, by this agent: p50 ${short(median(whole))} ms; the run alone, as the real agent reports it: p50 ${short(median(ran))} ms`,
  ].join('\n');
}

function isComplete(timed: Timed): timed is Timed & { agent: Required<AgentMoments> } {
  const { delivered, concluded } = timed.agent;
  return delivered !== undefined && concluded !== undefined;
}
