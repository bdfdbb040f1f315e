import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { lockFile } from '../../../controller/db/lock.ts';
import { MusterError } from '../../../proto/errors.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';

const LOCK = new URL('../../../controller/db/lock.ts', import.meta.url).href;
/** Says that it is there, takes each of the files as soon as its turn is called, and holds what it got until it is ended. */
const CONTENDER = `
  import { existsSync, writeFileSync } from 'node:fs';
  const { lockFile } = await import(${JSON.stringify(LOCK)});
  const [, folder, name, rounds] = process.argv;
  for (let round = 0; round < Number(rounds); round++) {
    writeFileSync(folder + '/here-' + round + name, '');
    while (!existsSync(folder + '/go-' + round));
    let got = 'no';
    try { lockFile(folder + '/lock-' + round); got = 'yes'; } catch (error) { if (error.code !== 'home-in-use') got = String(error); }
    process.stdout.write(got + '\\n');
  }
  setInterval(() => {}, 1000);
`;
const ROUNDS = 20;

test('of two that take a lock at the same moment exactly one gets it, each time', async (t) => {
  const folder = temporaryFolder(t);
  const said: string[][] = [[], []];
  const contenders = ['a', 'b'].map((name, at): ChildProcess => {
    const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', CONTENDER];
    const child = spawn(process.execPath, [...args, folder, name, String(ROUNDS)]);
    child.stdout.on('data', (data) => said[at]?.push(...String(data).trimEnd().split('\n')));
    return child;
  });
  t.after(async () => {
    for (const child of contenders) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  });
  for (let round = 0; round < ROUNDS; round++) {
    await until(
      `both are ready for round ${round}`,
      () => existsSync(join(folder, `here-${round}a`)) && existsSync(join(folder, `here-${round}b`)),
    );
    writeFileSync(join(folder, `go-${round}`), '');
    await until('both have said', () => said.every((lines) => lines.length > round));
    assert.deepEqual(said.map((lines) => lines[round]).sort(), ['no', 'yes'], `round ${round}`);
  }
});

test('who comes later is told that it is in use, until it is given back', (t) => {
  const path = join(temporaryFolder(t), 'lock');
  const release = lockFile(path);
  assert.throws(
    () => lockFile(path),
    (error) => error instanceof MusterError && error.code === 'home-in-use',
  );
  release();
  lockFile(path)();
});

test('a lock whose release nobody keeps is held all the same, whatever the collector takes away', async (t) => {
  const path = join(temporaryFolder(t), 'lock');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  lockFile(path);
  for (let time = 0; time < 3; time++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.throws(
    () => lockFile(path),
    (error) => error instanceof MusterError && error.code === 'home-in-use',
  );
});
