import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TaskResult } from '../../../controller/api/contract.ts';
import { MUSTER_VERSION } from '../../../proto/version.ts';
import { stage } from './command-stage.ts';
import { JOB, script, stream, target } from './fake-job.ts';

const task = (change: TaskResult['change'], reason: string): TaskResult => ({
  ...{ index: 0, state: 'succeeded', exitCode: null, signal: null, durationMs: 5, change, reason },
  ...{ code: null, outputFrom: 0, outputTo: 0 },
});

const well = (): string[] =>
  script()
    .created()
    .state('web-1', 'succeeded', {}, [task('changed', '0.1.0 → 0.2.0')])
    .state('web-2', 'succeeded', {}, [task('unchanged', '0.2.0')])
    .state('web-10', 'failed', { reason: 'went back to 0.1.0: 0.2.0 ended 3 times\u001b[2J' })
    .over().events;

/** Who is asked for and what they are; everybody is of the form `bundle` who is not named otherwise. */
const handlers = (names: readonly string[], others: readonly string[] = [], role = 'admin') => ({
  whoami: () => ({ name: 'kim', role }) as never,
  'fleet.trust': () => ({}) as never,
  'targets.list': ({ query: { selector } }: { query: Record<string, string> }) =>
    names
      .filter((name) => {
        const form = others.includes(name) ? 'other' : name === 'new' ? '' : 'bundle';
        return selector === undefined || selector === 'role=web' || selector === `agent.form=${form}`;
      })
      .map(target),
  'contents.show': () => ({ have: 0, complete: false, key: null }) as never,
  'contents.put': () => ({ have: 1, complete: true, key: '00'.repeat(32) }) as never,
  'releases.sign': () => ({ release: 'cmVs', signatures: [] }),
  'jobs.create': () => ({ job: JOB, targets: names.map(target), tasks: ['upgrade'], created: true }),
  'jobs.events': () => stream(well()),
});

test('agents upgrade says of each host what became of it, and sends what fits and nothing else', async (t) => {
  const at = await stage(t, handlers(['web-1', 'web-2', 'web-10']));
  const words = [
    'agents',
    'upgrade',
    '-l',
    'role=web',
    '--batch',
    '10%',
    '--max-failures',
    '1',
    '--online-within',
    '30s',
  ];
  assert.equal(await at.muster(...words), 1);
  assert.equal(
    at.out(),
    'web-1   0.1.0 → 0.2.0\nweb-2   unchanged, 0.2.0\nweb-10  failed: went back to 0.1.0: 0.2.0 ended 3 times\\x1b[2J\n',
  );
  assert.match(at.err(), /^3 hosts in .*: 2 succeeded, 1 failed · job 3f2a9c01d2aa/m);
  const signed = at.api.calls.find(({ name }) => name === 'releases.sign')?.body as Record<string, unknown>;
  assert.equal(signed.agentVersion, MUSTER_VERSION);
  assert.deepEqual(
    (signed.builds as { form: string }[]).map(({ form }) => form),
    ['bundle'],
  );
  const body = at.api.calls.find(({ name }) => name === 'jobs.create')?.body as Record<string, unknown>;
  assert.deepEqual([body.targets, body.batch, body.maxFailures], ['web-1,web-2,web-10', '10%', '1']);
  assert.deepEqual([body.title, body.timeoutMs], [`upgrade to ${MUSTER_VERSION}`, 3_630_000]);
  const [{ upgrade }] = body.tasks as [{ upgrade: Record<string, unknown> }];
  assert.deepEqual([upgrade.release, upgrade.onlineWithinMs], ['cmVs', 30_000]);
});

test('agents upgrade names whom it leaves out, each with the reason, and does not call that a success', async (t) => {
  const at = await stage(t, {
    ...handlers(['web-1', 'dev-1', 'new'], ['dev-1']),
    'jobs.events': () =>
      stream(
        script()
          .created()
          .state('web-1', 'succeeded', {}, [task('changed', 'a → b')])
          .over().events,
      ),
    'jobs.create': () => ({ job: JOB, targets: [target('web-1')], tasks: ['upgrade'], created: true }),
  });
  assert.equal(await at.muster('agents', 'upgrade', '-t', 'all'), 1);
  assert.match(at.err(), /left out, Muster did not install the agent there: 1 host \(dev-1\)/);
  assert.match(at.err(), /left out, the agent has not said yet what it is: 1 host \(new\)/);
  const body = at.api.calls.find(({ name }) => name === 'jobs.create')?.body as Record<string, unknown>;
  assert.equal(body.targets, 'web-1');
});

test('agents upgrade sends nothing for an operator who may not, for nobody, and with --list', async (t) => {
  const may = await stage(t, handlers(['web-1'], [], 'runner'));
  assert.equal(await may.muster('agents', 'upgrade', '-t', 'web-1'), 5);
  assert.match(may.err(), /takes an admin/);
  const nobody = await stage(t, handlers(['dev-1'], ['dev-1']));
  assert.equal(await nobody.muster('agents', 'upgrade', '-t', 'dev-1'), 1);
  const list = await stage(t, handlers(['web-1']));
  assert.equal(await list.muster('agents', 'upgrade', '-t', 'web-1', '--list'), 0);
  for (const { api } of [may, nobody, list])
    assert.ok(!api.calls.some(({ name }) => name === 'contents.put' || name === 'jobs.create'));
});
