import assert from 'node:assert/strict';
import { test } from 'node:test';
import { script, target } from './fake-job.ts';
import { type Stage, stage } from './run-stage.ts';

const many = Array.from({ length: 51 }, (_, i) => `w${i}`);
const manyWell = (): string[] => {
  const told = script().created();
  for (const name of many) told.state(name, 'succeeded', {});
  return told.over().events;
};

test('more than 50 hosts at a terminal are confirmed once', async (t) => {
  const handlers = { 'targets.list': () => many.map(target) };
  const yes = await stage(t, { targets: many, events: manyWell(), handlers, terminal: true, answers: ['y'] });
  assert.equal(await yes.run('-t', 'w*', 'x'), 0);
  assert.deepEqual(yes.terminal.asked, [['Go on? [y/N] ', false]]);
  assert.match(yes.terminal.stderr.text(), /This is for 51 hosts: w0,w1,.* and 43 more/);
});

test('an answer other than yes does nothing and leaves with 2', async (t) => {
  for (const answer of ['', 'n', 'yess']) {
    const { run, created } = await stage(t, {
      handlers: { 'targets.list': () => many.map(target) },
      terminal: true,
      answers: [answer],
    });
    assert.equal(await run('-t', 'w*', 'x'), 2);
    assert.equal(created(), undefined);
  }
});

test('nobody is asked with --yes, without a terminal, for 50 hosts, or for a short list of names', async (t) => {
  const few = {
    handlers: { 'targets.list': () => many.slice(1).map(target) },
    targets: many,
    events: manyWell(),
  };
  const cases: [Stage, string[]][] = [
    [{ targets: many, events: manyWell(), terminal: true }, ['-t', 'w*', '--yes']],
    [{ targets: many, events: manyWell() }, ['-t', 'w*']],
    [{ ...few, terminal: true }, ['-t', 'w*']],
    [{ targets: many, events: manyWell(), terminal: true }, ['-t', 'w1,w2', '-l', 'role=web']],
    [{ targets: many, events: manyWell(), terminal: true }, ['-t', 'w*', '--limit', '50']],
  ];
  for (const [options, argv] of cases) {
    const { run, terminal } = await stage(t, options);
    assert.equal(await run(...argv, 'x'), 0);
    assert.deepEqual(terminal.asked, []);
  }
});
