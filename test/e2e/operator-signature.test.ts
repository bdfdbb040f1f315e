import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../support/until.ts';
import { startFleet, type TestFleet } from './fleet.ts';

/** An agent that does nothing without an operator's own signature. */
async function strictAgent(fleet: TestFleet, name: string) {
  const agent = await fleet.agent(name);
  writeFileSync(join(agent.home, 'policy.json'), '{"require": "operator"}', { mode: 0o600 });
  await agent.stop();
  await agent.restart();
  return agent;
}

test('a host that requires an operator refuses what only the controller signed, and carries out what the operator did', async (t) => {
  const fleet = await startFleet(t);
  await strictAgent(fleet, 'db-1');
  const oracle = join(fleet.folder, 'oracle');
  writeFileSync(oracle, '');
  const order = (...flags: string[]) =>
    fleet.muster(['run', '-t', 'db-1', '--ttl', '30s', ...flags, '--', 'sh', '-c', `echo ran >> ${oracle}`]);

  const unsigned = await order();
  assert.equal(unsigned.status, 1);
  assert.match(unsigned.stderr, /need an operator's signature on this host/);
  const early = await order('--sign');
  assert.equal(early.status, 2, early.stderr);
  assert.match(early.stderr, /muster operator key/);

  const made = await fleet.muster(['operator', 'key']);
  assert.equal(statSync(join(fleet.home, 'operator-key.json')).mode & 0o777, 0o600);
  const untrusted = await order('--sign');
  assert.equal(untrusted.status, 1);
  assert.match(untrusted.stderr, /no signer of the order is in the trust document/);
  const trusted = await fleet.muster(['operator', 'trust', 'admin', '--key', made.stdout.trim()]);
  assert.equal(trusted.status, 0, trusted.stderr);

  const signed = await order('--sign');
  assert.equal(signed.status, 0, signed.stderr);
  const byItself = await order();
  assert.equal(byItself.status, 0, byItself.stderr);
  assert.equal((await order('--no-sign')).status, 1);
  assert.equal(readFileSync(oracle, 'utf8'), 'ran\nran\n');

  const revoked = await fleet.muster(['operator', 'untrust', 'admin']);
  assert.equal(revoked.status, 0, revoked.stderr);
  assert.match((await order('--sign')).stderr, /the signer was revoked/);
  assert.equal(readFileSync(oracle, 'utf8'), 'ran\nran\n');
});

test('a rollout that its operator signed goes on without him: in waves, after the death of its controller, and back', async (t) => {
  const fleet = await startFleet(t);
  await Promise.all(['db-1', 'db-2', 'db-3'].map((name) => strictAgent(fleet, name)));
  const key = (await fleet.muster(['operator', 'key'])).stdout.trim();
  await fleet.muster(['operator', 'trust', 'admin', '--key', key]);
  const told = join(fleet.folder, 'told');
  const go = join(fleet.folder, 'go');
  writeFileSync(told, '');
  const file = join(fleet.folder, 'r.yaml');
  writeFileSync(
    join(fleet.folder, 'change.yaml'),
    `tasks: [ { shell: "echo change >>${told}; until test -e ${go}; do sleep 0.05; done" } ]`,
  );
  writeFileSync(
    file,
    `name: signed
targets: "db-*"
change: { bundle: change.yaml }
waves: [ { canary: 1, gate: { soak: 100ms } }, rest ]
undo: [ { shell: "echo undo >>${told}" } ]
probes:
  - { name: fit, shell: "test $(grep -c change ${told}) -lt 3", of: 1, within: 1s }
  - { name: seen, from: { targets: db-3 }, shell: "test -e ${told}" }
`,
  );
  const lines = (): string[] =>
    readFileSync(told, 'utf8')
      .split('\n')
      .filter((line) => line !== '');

  const unsigned = await fleet.muster(['rollout', 'start', '-f', file, '--no-sign', '--name', 'unsigned']);
  assert.equal(unsigned.status, 1);
  assert.match(unsigned.stderr, /need an operator's signature on this host/);
  assert.deepEqual(lines(), []);
  assert.equal((await fleet.muster(['rollout', 'abort', 'unsigned'])).status, 0);

  const started = await fleet.muster(['rollout', 'start', '-f', file, '--sign', '--detach']);
  assert.equal(started.status, 0, started.stderr);
  await until('the canary is at work', () => lines().length === 1);
  await fleet.stopController('SIGKILL');
  writeFileSync(go, '');
  await fleet.startController();
  const watched = await fleet.muster(['rollout', 'watch', 'signed']);
  // The third host finds that it is one too many, and is brought back by what was signed at the start.
  assert.deepEqual(lines(), ['change', 'change', 'change', 'undo'], watched.stdout + watched.stderr);
  assert.equal(watched.status, 1);
  assert.match(watched.stderr, /1 host reverted/);
});

test('a signed rollout ends where its operator is revoked', async (t) => {
  const fleet = await startFleet(t);
  await Promise.all(['db-1', 'db-2'].map((name) => strictAgent(fleet, name)));
  const key = (await fleet.muster(['operator', 'key'])).stdout.trim();
  await fleet.muster(['operator', 'trust', 'admin', '--key', key]);
  const told = join(fleet.folder, 'told');
  writeFileSync(told, '');
  const bundle = join(fleet.folder, 'change.yaml');
  writeFileSync(bundle, `tasks: [ { shell: "echo change >>${told}" } ]`);
  const asked = [
    '--bundle',
    bundle,
    '-t',
    'db-*',
    '--without-way-back',
    'go-on',
    '--canary',
    '1',
    '--approval',
    'anybody',
  ];
  const started = await fleet.muster(['rollout', 'start', ...asked, '--sign', '--detach', '--name', 'cut']);
  assert.equal(started.status, 0, started.stderr);
  await until('it waits for approval', async () =>
    (await fleet.muster(['rollout', 'show', 'cut'])).stdout.includes('waits for approval'),
  );
  assert.equal((await fleet.muster(['operator', 'untrust', 'admin'])).status, 0);
  const ended = await fleet.muster(['rollout', 'approve', 'cut', '--watch']);
  assert.match(ended.stdout + ended.stderr, /signer was revoked/);
  assert.equal(ended.status, 1);
  assert.equal(readFileSync(told, 'utf8'), 'change\n');
});
