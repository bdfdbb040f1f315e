import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PackageHistory, PackageHistoryEntry } from '../../../../proto/packages.ts';
import { MADE_AT } from './fake-plan.ts';
import { stage } from './patch-stage.ts';

const change = (name: string, from: string, to: string) => ({ name, arch: 'amd64', from, to });
const entry = (day: number, ...changes: PackageHistoryEntry['changes']): PackageHistoryEntry => ({
  ...{ atMs: MADE_AT - day * 86_400_000, changes, command: `apt-get -y install ${'x'.repeat(80)}` },
});
const historyOf = (...entries: PackageHistoryEntry[]): PackageHistory => ({
  version: 1,
  manager: 'apt',
  entries,
});
const LONG = historyOf(
  entry(
    1,
    change('nginx', '1', '2'),
    change('new', '', '1'),
    change('old', '1', ''),
    change('more', '1', '2'),
  ),
  ...Array.from({ length: 9 }, (_, index) => entry(2 + index, change('libc6', '1', '2'))),
);

test('what was done to packages is shown newest first, as much of it as fits a screen', async (t) => {
  const { patch, out, asked } = await stage(t, { hosts: { 'web-1': LONG } });
  assert.equal(await patch('history', '-t', 'web-1'), 0);
  assert.deepEqual(asked().tasks, [{ packages: { action: 'history' } }]);
  const [head, first, ...others] = out().trimEnd().split('\n');
  assert.match(head ?? '', /^HOST +WHEN +PACKAGES +COMMAND$/);
  assert.match(
    first ?? '',
    /^web-1 .* nginx 1 → 2, new 1 new, old 1 gone and 1 more +apt-get -y install x+…$/,
  );
  assert.equal(others.length, 4);
});

test('--all leaves nothing out, --last says how much, and JSON has all of it', async (t) => {
  const one = await stage(t, { hosts: { 'web-1': LONG } });
  assert.equal(await one.patch('history', '-t', 'web-1', '--all'), 0);
  assert.match(one.out(), /old 1 gone, more 1 → 2 +apt-get -y install x{80}\n/);
  assert.equal(one.out().trimEnd().split('\n').length, 11);
  const two = await stage(t, { hosts: { 'web-1': LONG } });
  await two.patch('history', '-t', 'web-1', '--last', '1');
  assert.equal(two.out().trimEnd().split('\n').length, 2);
  const three = await stage(t, { hosts: { 'web-1': LONG } });
  await three.patch('history', '-t', 'web-1', '--json');
  assert.deepEqual(three.json().hosts[0].entries, LONG.entries);
});

test('a host whose history is no history is a failure, and what it says cannot move the cursor', async (t) => {
  const evil = historyOf({ ...entry(1, change('a', '1', '2')), command: '\u001b[2Jgone\nweb-9' });
  const { patch, out } = await stage(t, {
    hosts: { 'web-1': evil, 'web-2': { ...LONG, entries: [{ ...entry(1), atMs: -1 }] }, 'web-3': 'no JSON' },
  });
  assert.equal(await patch('history', '-t', 'all'), 1);
  assert.doesNotMatch(out(), /\u001b|^web-9/m);
  assert.match(out(), /cannot be read/);
});
