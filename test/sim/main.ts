import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { live } from './history.ts';
import { liveInThreads } from './pool.ts';
import { proveWeaknesses, rowOf, withTable } from './proof.ts';
import { told } from './story.ts';
import { WEAKNESSES, weaknessNamed } from './weaknesses.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    threads: { type: 'string', default: String(availableParallelism()) },
    /** With this defence taken away. */
    weaken: { type: 'string' },
    /** All of them in turn; their table goes into docs/simulator.md. */
    weakened: { type: 'boolean', default: false },
  },
});
const weaken = values.weaken === undefined ? {} : { weakness: values.weaken };

if (values.weakened) await proveAll();
else if (values.seed !== undefined) await replay(Number(values.seed));
else await search(Number(values.from), Number(values.seeds));

async function proveAll(): Promise<void> {
  const found = await proveWeaknesses(WEAKNESSES, Number(values.threads), (one) => console.log(rowOf(one)));
  const missed = found.filter((one) => one.violation === undefined);
  const file = new URL('../../docs/simulator.md', import.meta.url);
  writeFileSync(file, withTable(readFileSync(file, 'utf8'), found));
  console.log(`${found.length - missed.length} of ${found.length} were found`);
  process.exitCode = missed.length > 0 ? 1 : 0;
}

async function replay(seed: number): Promise<void> {
  const history = await live(seed, values.weaken === undefined ? undefined : weaknessNamed(values.weaken));
  const { violation } = history;
  console.log(
    told({
      ...history,
      weakness: values.weaken,
      violation: violation && { promise: violation.promise, what: violation.message },
    }),
  );
  console.log(`history ${history.digest}`);
  process.exitCode = violation ? 1 : 0;
}

async function search(from: number, count: number): Promise<void> {
  const beganMs = performance.now();
  let [next, lived, starts, virtualMs, broken] = [from, 0, 0, 0, 0];
  let stopped = false;
  process.once('SIGINT', () => {
    stopped = true;
  });
  const sum = (): string => {
    const seconds = (performance.now() - beganMs) / 1000;
    const hours = (virtualMs / 3_600_000).toFixed(1);
    return `${lived} histories, ${broken} broken; ${starts} starts in ${hours} virtual hours; ${(lived / seconds).toFixed(1)} a second`;
  };
  await liveInThreads({
    threads: Number(values.threads),
    next: () => (stopped || next >= from + count ? undefined : { seed: next++, ...weaken }),
    done(history) {
      lived += 1;
      starts += history.starts;
      virtualMs += history.virtualMs;
      if (history.violation) {
        broken += 1;
        if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
        const { promise, what } = history.violation;
        console.log(`seed ${history.seed}: promise ${promise} is broken: ${what}`);
      }
      if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${sum()}`);
    },
  });
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  console.log(sum());
  process.exitCode = broken > 0 ? 1 : 0;
}
