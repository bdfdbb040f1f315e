import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MusterError } from '../../../../proto/errors.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { stage } from '../command-stage.ts';
import type { Handlers } from '../fake-api.ts';
import { stream } from '../fake-job.ts';
import { checkedOf, detailOf, event, hostEvent, hostOf, ROLLOUT, streamOf } from './fake-rollout.ts';

const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `web-${index}`);

/** A controller that starts any rollout, of one host, which is done at once. */
function well(): Handlers {
  let asked = 0;
  return {
    'rollouts.check': () => checkedOf('web-1'),
    'rollouts.start': () => ({ rollout: ROLLOUT, created: true, hosts: 1, waves: 1 }),
    'rollouts.show': () =>
      asked++ === 0
        ? detailOf([hostOf('web-1', 'waiting')])
        : detailOf([hostOf('web-1', 'done')], { state: 'succeeded', seq: 4 }),
    'rollouts.events': () =>
      stream(
        streamOf([
          event(1, { what: 'created', by: 'kim', wave: null }),
          hostEvent(2, 'web-1', 'change'),
          hostEvent(3, 'web-1', 'done'),
          event(4, { what: 'state', to: 'succeeded', wave: null }),
        ]),
      ),
  };
}

function files(t: { after(fn: () => void): void }, texts: Record<string, string>): string {
  const folder = temporaryFolder(t);
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), text);
  return folder;
}

const BUNDLE = 'name: touch it\ntasks: [ { shell: "touch /x" } ]\n';

test('a rollout of a file is checked, started once, and shown to its end', async (t) => {
  const folder = files(t, {
    'site.yaml': BUNDLE,
    'drain.yaml': 'tasks: [ { shell: drain } ]',
    'r.yaml':
      'change: { bundle: site.yaml }\ntargets: "web-*"\npre: { bundle: drain.yaml }\nmax-failures: 3\n',
  });
  const { muster, api, out, err } = await stage(t, well());
  assert.equal(await muster('rollout', 'start', '-f', join(folder, 'r.yaml'), '--max-failures', '1'), 0);
  const [checked, started] = ['rollouts.check', 'rollouts.start'].map((name) =>
    api.calls.find((call) => call.name === name),
  );
  assert.deepEqual(started?.body, checked?.body);
  assert.deepEqual(started?.body, {
    ...{ targets: 'web-*', maxFailures: '1', pre: [{ shell: { line: 'drain' } }] },
    change: { kind: 'bundle', title: 'touch it', tasks: [{ shell: { line: 'touch /x' } }] },
  });
  assert.match(String(started?.headers['idempotency-key']), /^[0-9a-f]{32}$/);
  assert.match(err(), /WAVE +NAME +HOSTS/);
  assert.match(out(), /web-1: changing\n.*web-1: done\n.*the rollout is succeeded\n/s);
  assert.match(err(), /succeeded: 1 of 1 done/);
});

test('options alone say a rollout too', async (t) => {
  const folder = files(t, { 'site.yaml': BUNDLE });
  const { muster, api } = await stage(t, well());
  const options = [
    ...[
      '--canary',
      '1',
      '--wave',
      '10%',
      '--wave',
      '5',
      '--each',
      'rack',
      '--soak',
      '1m',
      '--approval',
      'anybody',
    ],
    ...['--probe-http', 'http://localhost/', '--probe-tcp', '[::1]:80', '--probe-shell', 'app health'],
    ...['--max-unavailable', '10%', '--busy', 'wait', '--reboot', 'if-needed', '--reason', 'monthly'],
  ];
  assert.equal(
    await muster('rollout', 'check', '--bundle', join(folder, 'site.yaml'), '-t', 'web-1', ...options),
    0,
  );
  const body = Object(api.calls.find(({ name }) => name === 'rollouts.check')?.body);
  const { change: _, ...rest } = body;
  assert.deepEqual(rest, {
    targets: 'web-1',
    waves: [{ name: 'canary', size: '1' }, { size: '10%' }, { size: '5' }, { each: 'rack' }, { rest: true }],
    probes: [
      { name: 'http://localhost/', http: { url: 'http://localhost/' } },
      { name: '[::1]:80', tcp: { host: '::1', port: 80 } },
      { name: 'app health', shell: { line: 'app health' } },
    ],
    gate: { soakMs: 60_000, approval: 'anybody' },
    ...{ maxUnavailable: '10%', busy: 'wait', reboot: 'if-needed', reason: 'monthly' },
  });
});

test('what does not fit together is wrong use, and nothing is sent', async (t) => {
  const folder = files(t, {
    'site.yaml': BUNDLE,
    'r.yaml': 'change: { bundle: site.yaml }\n',
    'bad.yaml': 'change: {}\n',
  });
  const at = (name: string): string => join(folder, name);
  const { muster, api, err } = await stage(t, well());
  const table: [string[], RegExp][] = [
    [[], /there is nothing to roll out/],
    [['--bundle', at('site.yaml')], /nobody is named/],
    [['--bundle', at('site.yaml'), '--plan', 'p', '-t', 'a'], /--plan and --bundle exclude each other/],
    [['-f', at('r.yaml'), '--canary', '1'], /--canary and -f exclude each other/],
    [['-f', at('r.yaml'), '--probe-http', 'http://x'], /--probe-http and -f exclude each other/],
    [['-f', at('bad.yaml')], /bad\.yaml:1: change: expected one of/],
    [['-f', at('none.yaml')], /none\.yaml/],
    [
      ['--bundle', at('site.yaml'), '-t', 'a', '--max-failures', 'few'],
      /--max-failures.*expected a number like 3/,
    ],
    [['--bundle', at('site.yaml'), '-t', 'a', '--canary', '0'], /--canary/],
    [['--copy', 'nginx.conf', '-t', 'a'], /is not FILE:\/PATH/],
    [['--bundle', at('site.yaml'), '-t', 'a', '--probe-tcp', 'web'], /is not HOST:PORT/],
  ];
  for (const [argv, says] of table) {
    const before = err().length;
    assert.equal(await muster('rollout', 'start', ...argv), 2, argv.join(' '));
    assert.match(err().slice(before), says);
  }
  assert.deepEqual(api.calls, []);
});

test('what the controller refuses is told in the words of the file, with its lines', async (t) => {
  const folder = files(t, {
    'site.yaml': BUNDLE,
    'r.yaml': 'targets: all\nchange: { bundle: site.yaml }\nlife: 30d\nwaves: [ 5 ]\n',
  });
  const { muster, err } = await stage(t, {
    'rollouts.check': () => {
      throw new MusterError(
        'bad-request',
        'lifeMs: orders are valid for at most 31 days\nwaves[0].size: too many\nno way back, or allow it with withoutWayBack go-on',
      );
    },
  });
  assert.equal(await muster('rollout', 'start', '-f', join(folder, 'r.yaml')), 2);
  assert.match(err(), /r\.yaml:3: life: orders are valid/);
  assert.match(err(), /r\.yaml:4: waves\[0\]\.size: too many/);
  assert.match(err(), /r\.yaml: no way back, or allow it with without-way-back go-on/);
});

test('more than fifty hosts are asked for once, at a terminal', async (t) => {
  const folder = files(t, { 'site.yaml': BUNDLE });
  const argv = ['rollout', 'start', '--bundle', join(folder, 'site.yaml'), '-t', 'all', '--detach'];
  const handlers: Handlers = { ...well(), 'rollouts.check': () => checkedOf(...many(51)) };
  const no = await stage(t, handlers, { terminal: true, answers: ['n'] });
  assert.equal(await no.muster(...argv), 2);
  assert.match(no.err(), /This is for 51 hosts: .*nothing was started/s);
  assert.equal(
    no.api.calls.some(({ name }) => name === 'rollouts.start'),
    false,
  );
  const yes = await stage(t, handlers, { terminal: true, answers: ['y'] });
  assert.equal(await yes.muster(...argv), 0);
  assert.ok(yes.out().includes(ROLLOUT));
  const unasked = await stage(t, handlers, { terminal: true });
  assert.equal(await unasked.muster(...argv, '--yes'), 0);
});

test('an idempotency key that started one earlier shows that one, although it has the hosts', async (t) => {
  const folder = files(t, { 'site.yaml': BUNDLE });
  const argv = ['rollout', 'start', '--bundle', join(folder, 'site.yaml'), '-t', 'all'];
  const { muster, err } = await stage(t, {
    ...well(),
    'rollouts.check': () => {
      throw new MusterError('host-busy', 'web-1 (november)');
    },
    'rollouts.start': ({ headers }) => ({
      rollout: ROLLOUT,
      created: headers['idempotency-key'] !== 'mine',
      hosts: 1,
      waves: 1,
    }),
    'rollouts.show': () => detailOf([hostOf('web-1', 'done')], { state: 'succeeded', seq: 4 }),
  });
  assert.equal(await muster(...argv, '--idempotency-key', 'mine'), 0);
  assert.match(err(), /started rollout 0123456789ab earlier/);
  assert.equal(await muster(...argv), 2, 'and without a key it is refused');
});

test('bundles of steps are found by their full path too', async (t) => {
  const folder = files(t, { 'site.yaml': BUNDLE, 'drain.yaml': 'tasks: [ { shell: drain } ]' });
  const elsewhere = files(t, {
    'r.yaml': `change: { bundle: ${join(folder, 'site.yaml')} }\ntargets: "web-*"\npre: { bundle: ${join(folder, 'drain.yaml')} }\n`,
  });
  const { muster, api, err } = await stage(t, well());
  assert.equal(await muster('rollout', 'check', '-f', join(elsewhere, 'r.yaml')), 0, err());
  const { pre } = (api.calls.find(({ name }) => name === 'rollouts.check')?.body ?? {}) as { pre?: unknown };
  assert.deepEqual(pre, [{ shell: { line: 'drain' } }]);
});
