import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { treePath } from '../hosts/tree.ts';
import programs from './programs.json' with { type: 'json' };

/**
 * A program of programs.json (which says the Debian package that has it; .ci/run installs them all), or what one is allowed to do.
 */
export type Need = keyof typeof programs | Right;
type Right = keyof typeof RIGHTS;

/** By what one knows that one may. */
const RIGHTS = {
  root: () => process.getuid?.() === 0,
  'network-namespaces': () => spawnSync('unshare', ['--net', 'true']).status === 0,
  /** Made by test/hosts/make-tree. */
  'debian-tree': () => existsSync(treePath()),
  mounts: () => spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0,
};
const isRight = (need: Need): need is Right => Object.hasOwn(RIGHTS, need);

/**
 * Options for a test that this machine may not be able to run:
 * `test('…', { ...requires('setpriv', 'root') }, async () => …)`. The reason for a skip is counted at the end of a run.
 */
export function requires(...needs: Need[]): { skip?: string } {
  const missing = needs.filter((need) => !has(need));
  if (missing.length === 0) return {};
  const sentence = missing.map((need) => (isRight(need) ? need : `${need} (package ${programs[need]})`));
  return { skip: `needs ${sentence.join(' and ')}` };
}

function has(need: Need): boolean {
  if (isRight(need)) return RIGHTS[need]();
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  return folders.some((folder) => isExecutable(join(folder, need)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
