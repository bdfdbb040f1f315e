/** A process of its own that does what an upgrade does to the disk, and is killed at one of its calls: cut-process ROOT WHAT CUT_AT */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';

const [, , root = '', what = '', cutAt = '0'] = process.argv;
let calls = 0;

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
    if (++calls === Number(cutAt)) process.kill(process.pid, 'SIGKILL');
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
const { programFolder } = await import('../../../agent/upgrade/program-folder.ts');
const { sha512 } = await import('../../../proto/crypto.ts');
const folder = programFolder(join(root, 'opt/muster-agent'));
if (what === 'keep') folder.decideKept();
else {
  const program = fs.readFileSync(join(root, 'program'));
  const build = { form: 'executable', arch: 'x64', sha512: sha512(program), length: program.length };
  await folder.unpack('b', build, join(root, 'packed'), new AbortController().signal);
  folder.finish('b', build, '0.2.0', 'a');
  folder.beginTrial({
    ...{ order: '00-1', old: 'a', new: 'b', oldVersion: '0.1.0', newVersion: '0.2.0', withinSeconds: 60 },
    boot: fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    uptime: Number(fs.readFileSync('/proc/uptime', 'utf8').split(' ')[0]),
  });
  folder.pointTo('b');
}
