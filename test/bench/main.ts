/**
 * `npm run bench [-- --rounds N] [SECTION…]`: measures, prints, asserts nothing. What is compared is taken in turns in one run,
 * since a machine drifts more from minute to minute than the things differ.
 */
import { existsSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { copy } from './copy.ts';
import { dispatch } from './dispatch.ts';
import { install } from './install.ts';
import { memory } from './memory.ts';
import { oneCommand } from './one-command.ts';
import { patch } from './patch.ts';
import { readers } from './readers.ts';
import { reconcileSteps } from './reconcile.ts';
import { rolloutWaves } from './rollout-waves.ts';
import { shim } from './shim.ts';
import { startUp } from './start-up.ts';

interface Options {
  rounds: number;
}

const SECTIONS: Record<string, (options: Options) => Promise<string>> = {
  command: oneCommand,
  shim,
  start: startUp,
  memory,
  dispatch,
  copy,
  readers,
  install,
  patch,
  reconcile: reconcileSteps,
  waves: rolloutWaves,
};

const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '200' } },
  allowPositionals: true,
});
const rounds = Number(values.rounds);
const wanted = positionals.length > 0 ? positionals : Object.keys(SECTIONS);
const unknown = wanted.find((name) => !Object.hasOwn(SECTIONS, name));
if (unknown !== undefined || !Number.isInteger(rounds) || rounds < 1) {
  console.error(`usage: npm run bench [-- --rounds N] [${Object.keys(SECTIONS).join(' ')}]`);
  process.exit(2);
}
if (!existsSync(resolve(import.meta.dirname, '../../dist/agent/main.cjs'))) {
  console.error('bench: the programs are not built: run "npm run build"');
  process.exit(2);
}

const machine = (): string => `load ${loadavg()[0]?.toFixed(2)}`;
console.log(
  `Node ${process.version}, Linux ${release()}, ${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GiB; ${rounds} rounds`,
);
for (const name of wanted) {
  const before = machine();
  const report = await SECTIONS[name]?.({ rounds });
  console.log(`\n== ${name} (${before} before, ${machine()} after)\n\n${report}`);
}
