import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentWorld } from '../../support/agent-world.ts';

test('a controller that speaks another version: said once in the log, shown as the reason, tried again slowly, and for ever', async (t) => {
  const at = await agentWorld(t);
  at.controller.behaviour.refuseHello = { code: 'version-unsupported' };
  await at.start();
  await at.clock.advance(6 * 3_600_000);
  const refusals = at.log.filter(({ fields }) => fields.code === 'version-unsupported' && fields.nextTryMs);
  assert.deepEqual(
    refusals.filter(({ level }) => level !== 'debug').map(({ level }) => level),
    ['error'],
  );
  const link = at.links.findLast(({ state }) => state === 'waiting');
  assert.ok(link?.state === 'waiting');
  assert.equal(link.end.code, 'version-unsupported');
  assert.match(link.end.reason, /no protocol version/);
  // At most every five minutes, by chance; so about 144 times in six hours, and not thousands.
  const { dialled } = at.controller;
  assert.ok(dialled.length > 72 && dialled.length < 300, `${dialled.length} tries`);
  at.controller.behaviour.refuseHello = undefined;
  await at.clock.advance(300_000);
  assert.equal(at.links.at(-1)?.state, 'online');
});
