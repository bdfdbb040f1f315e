import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../support/folder.ts';

const CHECKOUT = new URL('../..', import.meta.url).pathname;
const SOURCE = ['controller', 'agent', 'proto', 'certs', 'bin', '.ci', 'package.json', 'package-lock.json'];

/** A text of a source file, and what stands there instead. */
export type Edit = readonly [file: string, before: string, after: string];

export const NEWER: Edit = ['proto/version.ts', "MUSTER_VERSION = '", "MUSTER_VERSION = '9."];
/** One more step, as a later version might have. */
export const MIGRATES: Edit = [
  'controller/db/migrations.ts',
  '\n];\n\nexport interface Migration',
  '\n  `create table marker (x integer) strict;`,\n];\n\nexport interface Migration',
];
/** It fails after it has migrated. */
export const FAILS: Edit = [
  'controller/serve.ts',
  'undo.push(() => db.close());',
  "undo.push(() => db.close());\n    if (db) throw new MusterError('store-failed', 'made to fail');",
];

/** Builds another version of this program into a folder of its own, whose Node is looked for above it. */
export function buildVariant(t: { after(fn: () => unknown): void }, ...edits: Edit[]): string {
  const folder = temporaryFolder(t);
  for (const name of SOURCE) cpSync(join(CHECKOUT, name), join(folder, name), { recursive: true });
  for (const [file, before, after] of edits) {
    const text = readFileSync(join(folder, file), 'utf8');
    if (!text.includes(before)) throw new Error(`${file} does not hold ${before}`);
    writeFileSync(join(folder, file), text.replace(before, after));
  }
  symlinkSync(join(CHECKOUT, 'node_modules'), join(folder, 'node_modules'));
  execFileSync(join(folder, '.ci', 'build'), { stdio: 'pipe' });
  rmSync(join(folder, 'node_modules'));
  return folder;
}
