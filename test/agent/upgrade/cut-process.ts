/** A process of its own that does what an upgrade does to the disk, and is killed at one of its calls: cut-process ROOT WHAT CUT_AT */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';

const [, , root = '', what = '', cutAt = '0'] = process.argv;
let calls = 0;
let isArmed = false;

/** Killed before it; what comes after a call is before the next. */
function cuttable(
  name:
    | 'linkSync'
    | 'mkdirSync'
    | 'openSync'
    | 'renameSync'
    | 'rmSync'
    | 'symlinkSync'
    | 'writeSync'
    | 'fsyncSync',
): void {
  const real = fs[name] as (...args: unknown[]) => unknown;
  const wrapped = (...args: unknown[]): unknown => {
    if (isArmed && ++calls === Number(cutAt)) process.kill(process.pid, 'SIGKILL');
    return real(...args);
  };
  Object.assign(fs, { [name]: wrapped });
}

for (const name of [
  'linkSync',
  'mkdirSync',
  'openSync',
  'renameSync',
  'rmSync',
  'symlinkSync',
  'writeSync',
  'fsyncSync',
] as const)
  cuttable(name);
syncBuiltinESMExports();
const arm = (): void => {
  isArmed = true;
};
const program = join(root, 'opt/muster-agent');
if (what === 'keep') {
  const { programFolder } = await import('../../../agent/upgrade/program-folder.ts');
  const folder = programFolder(program);
  arm();
  folder.decideKept();
} else {
  const { upgrade } = await import('./upgrade-stage.ts');
  const ends: (() => void)[] = [];
  const given = { root: program, program: fs.readFileSync(join(root, 'program')), begin: arm };
  const { restarts } = await upgrade({ after: (fn) => ends.push(fn) }, given);
  isArmed = false;
  if (restarts[0] !== 'b') throw new Error('it did not become another one');
  for (const end of ends) end();
}
