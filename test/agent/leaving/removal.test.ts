import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { startRemoval } from '../../../agent/leaving/removal.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { until } from '../../support/until.ts';
import { type VirtualClock, virtualClock } from '../../support/virtual-clock.ts';

const nothing = (): void => {};

interface Stage {
  readonly clock: VirtualClock;
  readonly errors: string[];
  readonly done: Promise<void>;
  /** What the script wrote to it. */
  readonly log: string;
  said(): string;
  letGo(): void;
}

/** A removal whose script is this one. It runs as `$0`, and `$log` is where it can write. */
function stage(t: TestContext, script: string, keepPolicy = false): Stage {
  const folder = temporaryFolder(t);
  const log = join(folder, 'log');
  const uninstaller = join(folder, 'uninstall');
  writeFileSync(uninstaller, `log=${log}\n${script}\n`);
  const clock = virtualClock();
  const errors: string[] = [];
  const { promise: done, resolve: onDone } = Promise.withResolvers<void>();
  const letGo = startRemoval({
    ...{ clock, uninstaller, keepPolicy, onDone, hasSystemd: false },
    log: { debug: nothing, info: nothing, warn: nothing, error: (_, event) => void errors.push(event) },
  });
  t.after(letGo);
  return { clock, errors, done, letGo, log, said: () => (existsSync(log) ? readFileSync(log, 'utf8') : '') };
}

describe('the removal of an agent', () => {
  test('is a script in a session of its own, so that it outlives the agent', async (t) => {
    const at = stage(t, 'read -r stat < /proc/$$/stat; set -- $stat; echo "$$ $6 in $PWD" > $log');
    await at.done;
    const [, pid, session, where] = /^(\d+) (\d+) in (.*)\n$/.exec(at.said()) ?? [];
    assert.equal(session, pid);
    assert.equal(where, '/');
  });

  for (const keepPolicy of [true, false])
    test(`is told ${keepPolicy ? '' : 'not '}to keep the policy, and nothing of the agent's environment`, async (t) => {
      process.env.MUSTER_TEST_SECRET = 'swordfish';
      t.after(() => delete process.env.MUSTER_TEST_SECRET);
      const at = stage(t, 'echo "$#: $* $MUSTER_TEST_SECRET" > $log', keepPolicy);
      await at.done;
      assert.equal(at.said(), keepPolicy ? '1: --keep-policy \n' : '0:  \n');
    });

  test('is begun again after a minute where it failed, until it is done', async (t) => {
    const at = stage(t, 'echo again >> $log; [ "$(wc -l < $log)" -gt 2 ]');
    await until('it failed', () => at.errors.length === 1);
    await at.clock.advance(59_999);
    assert.equal(at.said(), 'again\n');
    await at.clock.advance(1);
    await until('it failed once more', () => at.errors.length === 2);
    await at.clock.advance(60_000);
    await at.done;
    assert.equal(at.said(), 'again\n'.repeat(3));
  });

  test('goes on when the agent lets go of it, and is not begun again by that one', async (t) => {
    const at = stage(t, 'trap "" HUP; while ! [ -e $log.go ]; do sleep 0.01; done; echo on > $log; exit 1');
    at.letGo();
    writeFileSync(`${at.log}.go`, '');
    await until('it went on', () => at.said() === 'on\n');
    await at.clock.advance(120_000);
    assert.deepEqual([at.said(), at.errors], ['on\n', []]);
  });
});
