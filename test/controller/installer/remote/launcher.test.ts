import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, linkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { parseOutcome, parseTrial } from '../../../../proto/slots.ts';
import { requires } from '../../../support/requires.ts';
import { until } from '../../../support/until.ts';
import {
  ENDS,
  endGroup,
  othersOf,
  type ShellName,
  type Stage,
  stage,
  stays,
  untilOneStays,
  uptime,
} from './launcher-stage.ts';

// They wait more than they work.
describe('the launcher', { ...requires('busybox'), concurrency: 2 }, () => {
  for (const name of ['dash', 'busybox'] as const)
    describe(`in ${name}`, { concurrency: 2 }, () => {
      test('starts the current slot, whatever it is asked for', async (t) => {
        const s = stage(t, name);
        await s.launch({ args: ['status', '--json', 'a b'] });
        assert.deepEqual(s.starts(), ['a status --json a b']);
      });

      test('starts what can be started where the current slot cannot', async (t) => {
        const s = stage(t, name);
        rmSync(join(s.program, 'a', 'release.json'));
        await s.launch();
        assert.deepEqual(s.starts(), ['b run']);
      });

      test('counts the starts of a new version, and goes back when they are used up', async (t) => {
        const s = stage(t, name);
        s.fill('b', ENDS);
        s.try();
        assert.equal(await untilOneStays(s), 'a run');
        assert.deepEqual(s.starts(), ['b run', 'b run', 'b run', 'a run']);
        assert.equal(s.current(), 'a');
        assert.equal(existsSync(join(s.program, 'trial')), false);
        assert.deepEqual(parseOutcome(s.text('last-trial', 'outcome')), {
          result: 'back',
          why: 'ended 3 times before it was online',
        });
      });

      test('other commands are answered by the new version and are no starts of it', async (t) => {
        const s = stage(t, name);
        s.fill('b', ENDS);
        s.try();
        for (let n = 0; n < 4; n++) await (await s.launch({ args: ['status'] })).ended;
        assert.deepEqual(s.starts(), Array(4).fill('b status'));
        assert.equal(parseTrial(s.text('trial', 'about'))?.starts.length, 0);
      });

      test('goes back when the time is over, also over a clock that was set and another boot', async (t) => {
        const s = stage(t, name);
        s.try({ withinSeconds: 5, uptime: uptime() - 6 });
        assert.equal(await untilOneStays(s), 'a run');

        const other = stage(t, name);
        // Another boot: its time begins with the first start in this one.
        other.try({ withinSeconds: 5, boot: '0-0', uptime: uptime() - 6 });
        assert.equal(await untilOneStays(other), 'b run');
      });

      test('ends a new version that hangs, and nobody else', async (t) => {
        const s = stage(t, name);
        s.fill('b', `trap '' TERM\nwhile :; do /bin/sleep 1; done`);
        s.try({ withinSeconds: 1 });
        const { child } = await s.launch();
        await until('it was ended', () => child.signalCode !== null, 20_000);
        assert.match(s.text('trial', 'outcome'), /result=back\nwhy=did not come online within 1 s/);
        assert.equal(await untilOneStays(s), 'a run');
      });

      test('leaves a new version alone that was kept in time', async (t) => {
        const s = stage(t, name);
        s.try({ withinSeconds: 2 });
        const { child, pid } = await s.launch();
        linkSync(join(s.program, 'trial', 'kept'), join(s.program, 'trial', 'outcome'));
        await until('its watcher has gone', () => othersOf(pid).length === 0);
        assert.equal(child.exitCode ?? child.signalCode, null);
        endGroup(child.pid);
        assert.equal(await untilOneStays(s), 'b run');
        assert.equal(s.current(), 'b');
        assert.equal(existsSync(join(s.program, 'trial')), false);
      });

      test('a process that got the number of the one it watched is not ended', async (t) => {
        const s = stage(t, name);
        s.try({ withinSeconds: 1 });
        const launcher = join(s.program, 'bin', 'muster-agent');
        const text = s.text('bin', 'muster-agent');
        const at = text.indexOf('# Whoever may not write');
        // Its own number, with another start.
        writeFileSync(
          launcher,
          `${text.slice(0, at)}read_trial; (watch $$ 1)\nkill_one KILL $$ 1\necho it >>${s.root}/starts\nexec /bin/sleep 1000\n`,
        );
        assert.equal(await stays(await s.launch()), true);
        assert.equal(existsSync(join(s.program, 'trial', 'outcome')), false);
      });

      test('where nothing can be written any more, one that hangs ends, and the version before starts', {
        ...requires('root', 'mounts'),
      }, async (t) => {
        const s = stage(t, name);
        s.try({ withinSeconds: 2 });
        const { child } = await s.launch();
        execFileSync('mount', ['--bind', s.program, s.program]);
        try {
          execFileSync('mount', ['-o', 'remount,bind,ro', s.program]);
          await until('it was ended', () => child.signalCode !== null, 20_000);
          assert.equal(await untilOneStays(s), 'a run');
          assert.equal(s.current(), 'b');
        } finally {
          execFileSync('umount', ['--lazy', s.program]);
        }
        assert.equal(await untilOneStays(s), 'a run');
        assert.equal(s.current(), 'a', 'and goes back for good as soon as that can be written');
      });

      test('a trial that cannot be read is over, and the version before goes on', async (t) => {
        const s = stage(t, name);
        s.try();
        writeFileSync(join(s.program, 'trial', 'about'), 'old=../../etc\nnew=b\nwithin=$(touch /tmp/x)\n');
        assert.equal(await untilOneStays(s), 'a run');
        assert.equal(existsSync(join(s.program, 'trial')), false);
      });

      for (const [what, line, wanted] of [
        ['crashes', ENDS, 'a run'],
        ['is not there', undefined, 'a run'],
      ] as const)
        test(`cut at each step with a new version that ${what}, it comes to one that stays`, async (t) => {
          await cutAtEach(
            t,
            name,
            (s) => {
              // One start is left.
              if (line === undefined) rmSync(join(s.program, 'b'), { recursive: true });
              else s.fill('b', line);
              s.try();
              appendFileSync(join(s.program, 'trial', 'about'), 'start=0-0 1 1\nstart=0-0 2 1\n');
            },
            wanted,
          );
        });

      test('cut at each step after the new version was kept, it starts that', async (t) => {
        await cutAtEach(
          t,
          name,
          (s) => {
            s.try();
            linkSync(join(s.program, 'trial', 'kept'), join(s.program, 'trial', 'outcome'));
          },
          'b run',
        );
      });
    });
});

/** Each point at which it may be cut, whichever start that is, some at a time. */
async function cutAtEach(
  t: TestContext,
  name: ShellName,
  prepare: (s: Stage) => void,
  wanted: string,
): Promise<number> {
  let next = 1;
  let isDone = false;
  async function cutSome(): Promise<void> {
    while (!isDone) {
      const cutAt = next++;
      const s = stage(t, name);
      prepare(s);
      assert.equal(await untilOneStays(s, cutAt), wanted, `cut at ${cutAt}`);
      if (!s.wasCut()) isDone = true;
    }
  }
  const all = [1, 2, 3, 4].map(() => cutSome().finally(() => (isDone = true)));
  await Promise.allSettled(all);
  await Promise.all(all);
  return next;
}
