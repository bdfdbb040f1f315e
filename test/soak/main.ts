/**
 * `npm run soak [-- --minutes N] [--seed S] [SECTION…]`: what takes too long for `npm test`. A section that fails says what was
 * promised and not kept, and the status is 1.
 */
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { flood } from './flood.ts';
import { halfOpen } from './half-open.ts';
import { storm } from './storm.ts';

export interface SoakOptions {
  minutes: number;
  seed: string;
}

export interface Scope {
  after(fn: () => unknown): void;
}

/** Returns what was seen, in a few lines. */
export type Section = (t: Scope, options: SoakOptions) => Promise<string>;

const SECTIONS: Record<string, Section> = { 'half-open': halfOpen, flood, storm };

const { values, positionals } = parseArgs({
  options: { minutes: { type: 'string', default: '5' }, seed: { type: 'string' } },
  allowPositionals: true,
});
const minutes = Number(values.minutes);
const wanted = positionals.length > 0 ? positionals : Object.keys(SECTIONS);
if (wanted.some((name) => !Object.hasOwn(SECTIONS, name)) || !(minutes > 0)) {
  console.error(`usage: npm run soak [-- --minutes N] [--seed S] [${Object.keys(SECTIONS).join(' ')}]`);
  process.exit(2);
}
if (!existsSync(resolve(import.meta.dirname, '../../dist/agent/main.cjs'))) {
  console.error('soak: the programs are not built: run "npm run build"');
  process.exit(2);
}

for (const name of wanted) {
  const seed = values.seed ?? String(randomInt(1_000_000));
  console.log(`== ${name} (seed ${seed})`);
  const ends: (() => unknown)[] = [];
  try {
    console.log(await SECTIONS[name]?.({ after: (fn) => void ends.push(fn) }, { minutes, seed }));
  } catch (error) {
    console.log(`FAILED (seed ${seed}): ${error instanceof Error ? error.stack : error}`);
    process.exitCode = 1;
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
