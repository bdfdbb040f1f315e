import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RolloutSummary } from '../../../../controller/api/contract.ts';
import type { Client } from '../../../../controller/cli/client.ts';
import { findRollout } from '../../../../controller/cli/rollout/rollout-id.ts';

const summary = (rollout: string, name: string, endedAtMs: number | null): RolloutSummary =>
  ({ rollout: rollout.padEnd(32, '0'), name, endedAtMs }) as RolloutSummary;

const clientWith = (...rollouts: RolloutSummary[]): Pick<Client, 'call'> => ({
  call: (async () => rollouts) as unknown as Client['call'],
});

test('a name means the one of several that is not over', async () => {
  const client = clientWith(summary('aaaa1', 'weekly', null), summary('bbbb1', 'weekly', 5));
  assert.match(await findRollout(client, 'weekly'), /^aaaa1/);
});

test('the beginning of an id means no other because that one is over', async () => {
  const client = clientWith(summary('abcd1', 'one', null), summary('abcd2', 'two', 5));
  await assert.rejects(findRollout(client, 'abcd'), /means 2 rollouts: abcd10000000 \(one\), abcd20000000/);
  assert.match(await findRollout(client, 'ABCD2'), /^abcd2/);
});

test('one that is called as the id of another begins is not taken for it', async () => {
  const client = clientWith(summary('ffff1', 'abcd1', null), summary('abcd1', 'one', 5));
  await assert.rejects(findRollout(client, 'abcd1'), /means 2 rollouts/);
});
