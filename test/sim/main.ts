import { parseArgs } from 'node:util';
import { live, tell } from './history.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
  },
});

if (values.seed !== undefined) {
  const history = await live(Number(values.seed));
  console.log(tell(history));
  process.exitCode = history.violation ? 1 : 0;
} else {
  const from = Number(values.from);
  const count = Number(values.seeds);
  const beganMs = performance.now();
  let starts = 0;
  let broken = 0;
  for (let seed = from; seed < from + count; seed++) {
    const history = await live(seed);
    starts += history.starts;
    if (!history.violation) continue;
    broken += 1;
    console.log(`seed ${seed}: promise ${history.violation.promise}: ${history.violation.message}`);
  }
  const seconds = (performance.now() - beganMs) / 1000;
  console.log(`${count} seeds, ${starts} starts, ${broken} broken, ${(count / seconds).toFixed(1)} seeds/s`);
  process.exitCode = broken > 0 ? 1 : 0;
}
