/**
 * A rollout's own overhead between two waves: from the last host's report of one to the first order of the next, at the agents' door, with
 * a store on a real disk. Sessions are in memory.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../proto/system.ts';
import { crewOf, lineOf, reportOf, shell, start } from '../controller/rollouts/stage.ts';
import { controllerWorld } from '../support/controller-world.ts';
import { median, short, table } from './figures.ts';

const ROLLOUTS = [
  { hosts: 1_000, waves: 10 },
  { hosts: 3_000, waves: 3 },
] as const;

export async function rolloutWaves(): Promise<string> {
  const rows: string[][] = [];
  for (const { hosts, waves } of ROLLOUTS) {
    const { startMs, first, last } = await between(hosts, waves);
    const told = (samples: readonly number[]): string =>
      `${short(median(samples))} ms, at most ${short(Math.max(...samples))} ms`;
    rows.push([
      String(Math.floor(hosts / waves)),
      told(first),
      told(last),
      `${short(startMs)} ms for ${hosts}`,
    ]);
  }
  return table(['hosts a wave', 'to the first order', 'to the last order', 'start'], rows);
}

async function between(
  hosts: number,
  waves: number,
): Promise<{ startMs: number; first: number[]; last: number[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-rollout-'));
  const after: (() => unknown)[] = [];
  try {
    const t = { after: (fn: () => unknown) => void after.push(fn) };
    const world = await controllerWorld(t, { path: join(folder, 'muster.db') });
    const crew = await crewOf(
      world,
      Array.from({ length: hosts }, (_, index) => `host-${index + 1}`),
    );
    crew.behave = () => 'silent';
    const size = Math.floor(hosts / waves);
    const sizeOf = (wave: number): number => (wave === waves - 1 ? hosts - size * (waves - 1) : size);
    const beganMs = systemClock.monotonicMs();
    await start(world, {
      ...{ maxUnavailable: String(hosts), undo: [shell('undo')] },
      waves: [...Array.from({ length: waves - 1 }, () => ({ size: String(size) })), { rest: true as const }],
    });
    const startMs = systemClock.monotonicMs() - beganMs;
    const members = [...crew.members.values()];
    const mine = () => members.filter(({ taken, session }) => session.of('deliver').length > taken);
    const figures = { startMs, first: [] as number[], last: [] as number[] };
    for (let wave = 0; wave < waves - 1; wave += 1) {
      while (mine().length < sizeOf(wave)) await turn();
      const reports = mine().map((member) => {
        const bundle = member.agent.open(member.session.of('deliver').at(-1) ?? fail());
        if (lineOf(bundle) !== 'change') fail();
        member.taken += 1;
        return { member, signed: reportOf(member.agent, bundle, 'well') };
      });
      const last = reports.pop() ?? fail();
      for (const { member, signed } of reports) member.session.send('report', signed);
      await world.clock.settle();
      const sentMs = systemClock.monotonicMs();
      last.member.session.send('report', last.signed);
      // Looked at as it comes: by the next turn of the loop all orders of the wave are sealed.
      figures.first.push((await firstOrder(members.map(({ session }) => session.frames))) - sentMs);
      while (mine().length < sizeOf(wave + 1)) await turn();
      figures.last.push(systemClock.monotonicMs() - sentMs);
    }
    return figures;
  } finally {
    for (const fn of after.reverse()) await fn();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** When the first order is in one of these lists; it watches them as they grow. */
function firstOrder(lists: readonly { kind: string }[][]): Promise<number> {
  return new Promise((resolve) => {
    for (const list of lists) {
      list.push = (...frames) => {
        if (frames.some(({ kind }) => kind === 'deliver')) resolve(systemClock.monotonicMs());
        return Array.prototype.push.apply(list, frames);
      };
    }
  });
}

function turn(): Promise<void> {
  return new Promise((resolve) => void systemClock.after(0, () => resolve()));
}

function fail(): never {
  throw new Error('the rollout does not do what this measures');
}
