import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stage } from './command-stage.ts';
import { JOB, script, stream, target } from './fake-job.ts';

const well = (): string[] =>
  script().created().state('web-1', 'succeeded', {}).state('web-2', 'succeeded', {}).over().events;

const handlers = (names: readonly string[] = ['web-1', 'web-2']) => ({
  'targets.list': () => names.map((name) => ({ ...target(name), online: name !== 'web-2' })),
  'jobs.create': () => ({ job: JOB, targets: names.map(target), tasks: ['uninstall'], created: true }),
  'jobs.events': () => stream(well()),
});

test('uninstall asks with the names, and removes those who were named and nobody else', async (t) => {
  const at = await stage(t, handlers(), { terminal: true, answers: ['y'] });
  assert.equal(await at.muster('uninstall', '-t', 'web-*', '--keep-policy'), 0);
  assert.match(at.terminal.asked[0]?.[0] ?? '', /cannot be undone/);
  assert.match(at.err(), /2 hosts out of the fleet; the rest is removed there now\n$/);
  assert.match(at.err(), /2 hosts: web-1,web-2\n1 host of them cannot be reached now/);
  const created = at.api.calls.find(({ name }) => name === 'jobs.create')?.body as Record<string, unknown>;
  assert.deepEqual(created.tasks, [{ uninstall: { keepPolicy: true } }]);
  assert.equal(created.targets, 'web-1,web-2');
});

test('uninstall asks about one host as well, and does nothing without a yes', async (t) => {
  for (const answer of ['', 'n', 'web-1']) {
    const at = await stage(t, handlers(['web-1']), { terminal: true, answers: [answer] });
    assert.equal(await at.muster('uninstall', '-t', 'web-1'), 2);
    assert.ok(!at.api.calls.some(({ name }) => name === 'jobs.create'));
  }
});

test('uninstall wants --yes where nobody can be asked, and then asks nobody', async (t) => {
  const at = await stage(t, handlers());
  assert.equal(await at.muster('uninstall', '-t', 'web-1'), 2);
  assert.match(at.err(), /cannot be undone.*--yes/s);
  assert.equal(at.api.calls.length, 0);
  assert.equal(await at.muster('uninstall', '-t', 'web-1,web-2', '--yes', '--json', '--batch', '1'), 0);
  assert.deepEqual(at.terminal.asked, []);
  const created = at.api.calls.find(({ name }) => name === 'jobs.create')?.body as Record<string, unknown>;
  assert.deepEqual(created.tasks, [{ uninstall: {} }]);
  assert.equal(created.batch, '1');
  assert.doesNotMatch(at.err(), /out of the fleet/);
  assert.match(at.out(), /"counts":\{"succeeded":2\}/);
});

test('uninstall --list shows who would be meant, and asks nothing', async (t) => {
  const at = await stage(t, handlers());
  assert.equal(await at.muster('uninstall', '-l', 'role=web', '--list'), 0);
  assert.match(at.out(), /web-1 +online\nweb-2 +offline/);
  assert.ok(!at.api.calls.some(({ name }) => name === 'jobs.create'));
});

test('uninstall means nobody by accident', async (t) => {
  const at = await stage(t, handlers([]), { terminal: true });
  assert.equal(await at.muster('uninstall'), 2);
  assert.equal(await at.muster('uninstall', '-t', 'nobody'), 3);
  assert.deepEqual(at.terminal.asked, []);
});
