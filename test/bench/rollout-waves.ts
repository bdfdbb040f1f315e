/**
 * A rollout's own overhead between two waves: from the last host's report of one to the first order of the next, at the agents' door, with
 * a store on a real disk. Sessions are in memory. `node test/bench/rollout-waves.ts [hosts] [waves]`
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../proto/system.ts';
import { crewOf, lineOf, reportOf, shell, start } from '../controller/rollouts/stage.ts';
import { controllerWorld } from '../support/controller-world.ts';
import { median, short } from './figures.ts';

const [hosts = 1_000, waves = 10] = process.argv.slice(2).map(Number);
const folder = mkdtempSync(join(tmpdir(), 'bench-rollout-'));
const after: (() => unknown)[] = [];
try {
  const world = await controllerWorld(
    { after: (fn) => void after.push(fn) },
    { path: join(folder, 'muster.db') },
  );
  const names = Array.from({ length: hosts }, (_, index) => `host-${index + 1}`);
  const crew = await crewOf(world, names);
  crew.behave = () => 'silent';
  const size = Math.floor(hosts / waves);
  const beganMs = systemClock.monotonicMs();
  await start(world, {
    ...{ maxUnavailable: String(hosts), undo: [shell('undo')] },
    waves: [...Array.from({ length: waves - 1 }, () => ({ size: String(size) })), { rest: true as const }],
  });
  console.log(`start: ${(systemClock.monotonicMs() - beganMs).toFixed(0)} ms for ${hosts} hosts`);
  const overheads: number[] = [];
  const whole: number[] = [];
  for (let wave = 0; wave < waves; wave += 1) {
    const members = [...crew.members.values()];
    const mine = () => members.filter(({ taken, session }) => session.of('deliver').length > taken);
    while (mine().length === 0) await turn();
    const isLast = wave === waves - 1;
    const expected = isLast ? hosts - size * (waves - 1) : size;
    while (mine().length < expected) await turn();
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
    if (isLast) break;
    // Looked at as it comes: by the next turn of the loop all orders of the wave are sealed.
    const firstMs = await firstOrder(members.map(({ session }) => session.frames));
    overheads.push(firstMs - sentMs);
    while (mine().length === 0) await turn();
    while (mine().length < (wave === waves - 2 ? hosts - size * (waves - 1) : size)) await turn();
    whole.push(systemClock.monotonicMs() - sentMs);
  }
  const told = (samples: readonly number[]): string =>
    `median ${short(median(samples))} ms, worst ${short(Math.max(...samples))} ms`;
  console.log(
    `between waves of ${size}, to the first order: ${told(overheads)}; to the last: ${told(whole)}`,
  );
} finally {
  for (const fn of after.reverse()) await fn();
  rmSync(folder, { recursive: true, force: true });
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
