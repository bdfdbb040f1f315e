import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { proveWeaknesses, rowOf, withTable } from './proof.ts';
import { WEAKNESSES } from './weaknesses.ts';

/** Those that show within a few histories; `npm run sim -- --weakened` looks for all of them. */
const QUICK = [
  'journal-after-start',
  'no-replay-check',
  'reply-before-commit',
  'receipt-before-commit',
  'report-not-kept',
  'output-hole',
  'deadline-never-kept',
  'redial-gives-up',
  'rollout-not-soaked',
  'rollout-phase-not-stored',
];

test('the simulator sees a defence that is taken away', async (t) => {
  const quick = WEAKNESSES.filter((one) => QUICK.includes(one.name));
  assert.equal(quick.length, QUICK.length);
  const proofs = await proveWeaknesses(quick, 2, (proof) => t.diagnostic(rowOf(proof)));
  for (const proof of proofs) assert.notEqual(proof.seed, undefined, rowOf(proof));
});

test('the table of all weaknesses is in the docs, and each was found', () => {
  const page = readFileSync('docs/simulator.md', 'utf8');
  for (const { name } of WEAKNESSES) assert.match(page, new RegExp(`^\\| \`${name}\` \\|`, 'm'));
  assert.doesNotMatch(page, /not found/);
});

test('the table takes the place of the one before', () => {
  const page = withTable('a\n<!-- made by npm run sim -- --weakened -->\nold\n<!-- until here -->\nb\n', []);
  assert.match(page, /^a\n/);
  assert.match(page, /\nb\n$/);
  assert.doesNotMatch(page, /old/);
});

test('the product has no word of a weakness', () => {
  const bundles = readdirSync('dist', { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.[cm]?js$/.test(name),
  );
  assert.ok(bundles.length > 0);
  for (const bundle of bundles) {
    const text = readFileSync(join('dist', bundle), 'utf8');
    for (const { name } of WEAKNESSES) assert.ok(!text.includes(name), `${bundle} knows ${name}`);
  }
});
