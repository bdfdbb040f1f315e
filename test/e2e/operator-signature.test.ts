import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
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
