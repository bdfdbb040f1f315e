import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import {
  ENDS,
  STAYS,
  type Stage,
  stage,
  untilOneStays,
} from '../../controller/installer/remote/launcher-stage.ts';

const PROCESS = join(import.meta.dirname, 'cut-process.ts');

/** How it ended, and whether it was killed. */
function cutProcess(root: string, what: 'upgrade' | 'keep', cutAt: number): Promise<boolean> {
  const args = ['--disable-warning=ExperimentalWarning', PROCESS, root, what, String(cutAt)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (data) => {
    said += data;
  });
  return new Promise((resolve, reject) => {
    child.once('close', (status, signal) => {
      if (signal === 'SIGKILL' || status === 0) resolve(signal !== null);
      else reject(new Error(said));
    });
  });
}

/** At each call, some at a time, until there is none left to be cut at. */
async function atEach(check: (cutAt: number) => Promise<boolean>): Promise<number> {
  let next = 1;
  let isDone = false;
  const some = async (): Promise<void> => {
    while (!isDone) if (!(await check(next++))) isDone = true;
  };
  const all = [some(), some(), some()].map((one) =>
    one.finally(() => {
      isDone = true;
    }),
  );
  await Promise.allSettled(all);
  await Promise.all(all);
  return next;
}

describe('an agent that is killed while it replaces itself', { concurrency: 2 }, () => {
  const scripted = (s: Stage, line: string): string =>
    `#!/bin/sh\necho "$MUSTER_AGENT_SLOT $*" >>${s.root}/starts\n${line}\n`;

  function prepared(t: TestContext, line: string): Stage {
    const s = stage(t, 'dash');
    writeFileSync(join(s.root, 'program'), scripted(s, line));
    return s;
  }

  test('leaves a host on which one starts and stays, wherever that was', async (t) => {
    const cuts = await atEach(async (cutAt) => {
      const s = prepared(t, ENDS);
      const wasCut = await cutProcess(s.root, 'upgrade', cutAt);
      assert.equal(await untilOneStays(s), 'a run', `cut at ${cutAt}`);
      assert.equal(s.current(), 'a', `cut at ${cutAt}`);
      return wasCut;
    });
    assert.ok(cuts > 25, `${cuts}`);
  });

  test('stays the new one once that was decided, and on trial before', async (t) => {
    await atEach(async (cutAt) => {
      const s = prepared(t, STAYS);
      s.fill('b', STAYS);
      s.try();
      const wasCut = await cutProcess(s.root, 'keep', cutAt);
      const isDecided = existsSync(join(s.program, 'trial', 'outcome'));
      assert.equal(await untilOneStays(s), 'b run', `cut at ${cutAt}`);
      const isOver = !existsSync(join(s.program, 'trial'));
      assert.ok(!isDecided || isOver, `cut at ${cutAt}`);
      return wasCut;
    });
  });
});
