import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type LocalContext, prepareContext } from '../../controller/first-start.ts';
import type { Operators } from '../../controller/operators/engine.ts';
import { ADMIN, controllerWorld } from '../support/controller-world.ts';
import { temporaryFolder } from '../support/folder.ts';

const REACHED = { url: 'https://a:1', ca: 'PEM' };

async function stage(t: TestContext) {
  const { controller } = await controllerWorld(t);
  const { operators } = controller;
  const path = join(temporaryFolder(t), 'context.json');
  const context = (): LocalContext => JSON.parse(readFileSync(path, 'utf8'));
  return {
    operators,
    path,
    context,
    start: (reached = REACHED, by: Operators = operators) => prepareContext(by, path, reached),
    whoIs: async () => operators.authenticate(context().token),
    names: async () => (await operators.list()).map(({ name, state }) => `${name} ${state}`),
  };
}

test('the first start leaves an admin, and a context for its owner alone that lets him in', async (t) => {
  const at = await stage(t);
  await at.start();
  assert.deepEqual(await at.whoIs(), { name: 'admin', role: 'admin' });
  assert.equal(statSync(at.path).mode & 0o777, 0o600);
  const first = at.context();
  await at.start();
  assert.deepEqual(at.context(), first);
  assert.deepEqual(await at.names(), ['admin active']);
});

test('a first start that is cut off before the operator is stored is completed by the next', async (t) => {
  const at = await stage(t);
  const dying: Operators = {
    ...at.operators,
    add: async () => {
      assert.ok(existsSync(at.path), 'the token is good for something before it is on the disk');
      throw new Error('power cut');
    },
  };
  await assert.rejects(at.start(REACHED, dying), /power cut/);
  assert.equal(await at.whoIs(), undefined);
  await at.start({ ...REACHED, url: 'https://a:2' });
  assert.deepEqual(await at.whoIs(), { name: 'admin', role: 'admin' });
  assert.equal(at.context().url, 'https://a:2');
});

test('a token that was revoked is not brought back by a start', async (t) => {
  const at = await stage(t);
  await at.start();
  await at.operators.revoke('admin', ADMIN);
  await at.start();
  assert.equal(await at.whoIs(), undefined);
  assert.deepEqual(await at.names(), ['admin revoked']);
});

test('a context of another controller is left alone', async (t) => {
  const at = await stage(t);
  const other = await stage(t);
  await other.start({ url: 'https://b:1', ca: 'other' });
  const before = other.context();
  await prepareContext(at.operators, other.path, REACHED);
  assert.deepEqual(other.context(), before);
  assert.deepEqual(await at.names(), []);
});
