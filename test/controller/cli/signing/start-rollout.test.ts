import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '../../../../controller/cli/client.ts';
import type { OperatorKey } from '../../../../controller/cli/signing/operator-key.ts';
import { startRollout } from '../../../../controller/cli/signing/start-rollout.ts';
import type { Surroundings } from '../../../../controller/cli/surroundings.ts';

const KEY = { id: 'ab'.repeat(16) } as OperatorKey;

/** A controller that answers the draft so; all else it is asked is an error. */
const clientWith = (drawn: unknown): Client =>
  ({
    async call(name: string) {
      if (name === 'rollouts.draft') return drawn;
      throw new Error(`asked for ${name}`);
    },
  }) as unknown as Client;

const started = (drawn: unknown) =>
  startRollout(
    {} as Surroundings,
    clientWith(drawn),
    { change: { kind: 'bundle', title: 'x', tasks: [] } },
    { sign: true, idempotencyKey: 'k', key: KEY, shown: undefined },
  );

test('nothing is signed whose hosts were never shown, whatever the controller said of them before', async () => {
  const draft = { draft: 'cd'.repeat(16), targets: [], orders: [], soaksMs: [0] };
  await assert.rejects(started({ draft }), /nothing was signed or started: another rollout has the hosts/);
});

test('what the key started earlier is answered without a signature', async () => {
  const made = { rollout: 'ef'.repeat(16), created: false, hosts: 1, waves: 1 };
  assert.equal(await started({ made }), made);
});
