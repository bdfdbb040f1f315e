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
    while (!members.some(({ taken, session }) => session.of('deliver').length > taken)) await turn();
    overheads.push(systemClock.monotonicMs() - sentMs);
  }
  const sorted = overheads.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(1);
  console.log(`between waves of ${size}: median ${at(0.5)} ms, worst ${at(1)} ms`);
} finally {
  for (const fn of after.reverse()) await fn();
  rmSync(folder, { recursive: true, force: true });
}

function turn(): Promise<void> {
  return new Promise((resolve) => void systemClock.after(0, () => resolve()));
}

function fail(): never {
  throw new Error('the rollout does not do what this measures');
}
