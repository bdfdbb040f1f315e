import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TargetParams } from '../../../proto/codec.ts';
import { controllerWorld } from '../../support/controller-world.ts';
import { create, delivered, joined } from './stage.ts';

const APPLY = { tasks: [{ packages: { action: 'apply' as const } }], ttlMs: 3_600_000 };
const nginx = (to: string) => ({
  manager: 'apt' as const,
  changes: [{ name: 'nginx', arch: 'amd64', from: '1.22.1-9', to }],
});

test('each host is handed its own versions, sealed to it, also by a controller that was started anew', async (t) => {
  const world = await controllerWorld(t);
  const a = await joined(world, 'a');
  const b = await joined(world, 'b');
  await create(world, {
    ...APPLY,
    transactions: [
      { agentIds: [a.id], ...nginx('1.22.1-9+deb12u1') },
      { agentIds: [b.id], ...nginx('1.22.1-9+deb12u2') },
    ],
  });
  await world.crash();
  for (const [agent, version] of [
    [a, '1.22.1-9+deb12u1'],
    [b, '1.22.1-9+deb12u2'],
  ] as const) {
    const { params } = delivered(agent, await agent.connect());
    assert.equal(TargetParams.decode(params).transaction?.changes[0]?.to, version);
  }
});

for (const [what, transactions, detail] of [
  ['nothing for a host', [], 'no transaction is given for a'],
  ['a version that is an option', [nginx('-o=x')], 'transaction.version'],
  ['a package twice', [{ ...nginx('2'), changes: [...nginx('2').changes, ...nginx('3').changes] }], 'twice'],
] as const)
  test(`a job that applies ${what} is refused, and nothing of it is stored`, async (t) => {
    const world = await controllerWorld(t);
    const a = await joined(world, 'a');
    const given = transactions.map((one) => ({
      agentIds: [a.id],
      manager: one.manager,
      changes: [...one.changes],
    }));
    await assert.rejects(create(world, { ...APPLY, transactions: given }), new RegExp(detail));
    assert.deepEqual(await world.controller.verbs.jobs.list({ limit: 10 }), []);
  });

test('what was for one host alone is erased with the job', async (t) => {
  const world = await controllerWorld(t);
  const a = await joined(world, 'a');
  const session = await a.connect();
  await create(world, { ...APPLY, transactions: [{ agentIds: [a.id], ...nginx('2') }] });
  const count = async () =>
    (await world.db.read<{ n: number }>({ sql: 'select count(*) as n from run_params', values: [] }))[0]?.n;
  assert.equal(await count(), 1);
  session.send('report', a.report(delivered(a, session), { state: 'succeeded' }));
  await world.clock.settle();
  assert.equal(await count(), 0);
});
