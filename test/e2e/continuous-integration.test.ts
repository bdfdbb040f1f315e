import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { suite, test } from 'node:test';
import { temporaryFolder } from '../support/folder.ts';
import { requires } from '../support/requires.ts';
import { until } from '../support/until.ts';

/** .ci/run on a made-up checkout, with made-up npm, npx, apt-get and sudo that write down how they were called. */
const checkout = resolve(import.meta.dirname, '../..');
const logs = 'echo "$(basename "$0") $* in $PWD" >>"$CALLS"\n';

const HOSTS_PASS = "echo '2 passed, 0 failed, 0 skipped'";

interface Play {
  /** What the made-up npm does for `npm test`, `npm run test:hosts` and `npm start`; a line of shell each. */
  tests?: string;
  hosts?: string;
  start?: string;
  programs?: Record<string, string>;
  /** Files that git does not know. */
  unknown?: string[];
}

function run(
  t: Parameters<typeof temporaryFolder>[0],
  { tests = '', hosts = HOSTS_PASS, start = '', programs = {}, unknown = [] }: Play,
) {
  const folder = temporaryFolder(t);
  const calls = join(folder, 'calls');
  const project = join(folder, 'project');
  const write = (path: string, text: string) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  for (const name of ['npx', 'apt-get']) write(join(folder, 'bin', name), `#!/bin/sh\n${logs}`);
  write(join(folder, 'bin/sudo'), '#!/bin/sh\nshift; exec "$@"\n');
  write(
    join(folder, 'bin/npm'),
    `#!/bin/sh\n${logs}case "$*" in test) ${tests || ':'} ;; 'run test:hosts') ${hosts} ;; start*) ${start || ':'} ;; esac\n`,
  );
  for (const name of ['npx', 'apt-get', 'sudo', 'npm']) chmodSync(join(folder, 'bin', name), 0o755);
  cpSync(join(checkout, '.ci/run'), join(project, '.ci/run'));
  write(join(project, 'test/hosts/make-tree'), '#!/bin/sh\n');
  chmodSync(join(project, 'test/hosts/make-tree'), 0o755);
  write(join(project, '.gitignore'), 'ignored\n');
  write(join(project, 'test/support/programs.json'), JSON.stringify(programs, undefined, 2));
  for (const command of [
    ['init', '-q'],
    ['add', '.'],
    ['-c', 'user.name=x', '-c', 'user.email=x', 'commit', '-qm', 'x'],
  ]) {
    assert.equal(spawnSync('git', command, { cwd: project }).status, 0);
  }
  for (const file of unknown) write(join(project, file), '');

  const env = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH}`, CALLS: calls };
  const { stdout, stderr, status } = spawnSync(join(project, '.ci/run'), { cwd: '/', env, encoding: 'utf8' });
  return {
    project,
    last: stdout.trimEnd().split('\n').at(-1),
    stderr,
    status,
    calls: readFileSync(calls, 'utf8'),
  };
}

const NONE = "echo '0 passed, 0 failed, 0 skipped'";
const passes = "echo '5 passed, 0 failed, 0 skipped'";

suite('.ci/run', requires('git'), () => {
  test('runs the README’s commands in a clean clone, and says how many tests passed', (t) => {
    const { project, last, status, calls } = run(t, { tests: passes });
    assert.deepEqual([last, status], ['7 passed, 0 failed', 0]);
    const commands = ['npm ci', 'npm test', 'npm run test:hosts', 'npm start -- --once'].map(
      (command) => `${command} in ${project}\n`,
    );
    assert.ok(calls.startsWith(commands.join('')), calls);
  });

  test('takes a copy of a folder in use, with what git would add', (t) => {
    const tests = `[ -e new ] && [ ! -e ignored ] && ${passes}`;
    const { project, last, status, calls } = run(t, { tests, unknown: ['new', 'ignored'] });
    assert.deepEqual([last, status], ['7 passed, 0 failed', 0]);
    assert.ok(!calls.includes(` in ${project}\n`), calls);
  });

  test('fails with the tests that failed, and with those that were skipped', (t) => {
    const { last, status, stderr } = run(t, { tests: "echo '5 passed, 2 failed, 3 skipped'; exit 1" });
    assert.deepEqual([last, status], ['7 passed, 3 failed', 1]);
    assert.match(stderr, /3 tests were skipped/);
  });

  test('fails when the tests do not come to their end, or fail though none of them did', (t) => {
    assert.deepEqual(run(t, { tests: 'echo oops; exit 1' }).last, '2 passed, 1 failed');
    assert.deepEqual(run(t, { tests: `${passes}; exit 1` }).last, '7 passed, 1 failed');
    assert.equal(run(t, { tests: passes, hosts: 'exit 1' }).last, '5 passed, 1 failed');
    assert.equal(run(t, { tests: NONE, hosts: NONE }).status, 1);
  });

  test('fails when the first command fails', (t) => {
    const { last, status, stderr } = run(t, { tests: passes, start: 'exit 5' });
    assert.deepEqual([last, status], ['7 passed, 1 failed', 1]);
    assert.match(stderr, /failed with status 5: npm start -- --once/);
  });

  test('finds, names and ends what was left running', async (t) => {
    const { last, status, stderr, calls } = run(t, {
      tests: `${passes}; setsid sleep 321 >/dev/null 2>&1 & echo "pid $!" >>"$CALLS"`,
    });
    assert.deepEqual([last, status], ['7 passed, 1 failed', 1]);
    assert.match(stderr, /left running: sleep 321/);
    const pid = /^pid (\d+)$/m.exec(calls)?.[1];
    await until('the process is gone', () => !existsSync(`/proc/${pid}`));
  });

  test('installs the packages of programs that are missing, and only those', (t) => {
    const { calls } = run(t, {
      tests: passes,
      programs: { 'no-such-program': 'its-package', sh: 'not-this' },
    });
    assert.match(calls, /apt-get update .*\n.*apt-get install .* its-package in /);
    assert.doesNotMatch(calls, /not-this/);
    assert.doesNotMatch(run(t, { tests: passes }).calls, /apt-get/);
  });
});
