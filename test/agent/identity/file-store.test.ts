import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { writeWhole } from '../../../agent/identity/atomic-file.ts';
import { identityStore, readIdentity, readTrust } from '../../../agent/identity/file-store.ts';
import { emptyHome, type Home, homeAt, makeHome } from '../../../agent/identity/home.ts';
import type { Identity } from '../../../agent/identity/identity.ts';
import { encodeIdentity } from '../../../agent/identity/identity-file.ts';
import { idOfAgent, makeAgentKeys } from '../../../certs/identity.ts';
import { applyTrust } from '../../../certs/trust.ts';
import { type FakeController, fakeController, pinOf } from '../../support/fake-controller.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

function world(t: TestContext): { home: Home; identity: Identity; controller: FakeController } {
  const random = seededRandom('file store');
  const controller = fakeController({ clock: virtualClock(), random });
  const keys = makeAgentKeys(random);
  const { fleetId } = controller;
  const identity = {
    fleetId,
    agentId: idOfAgent(fleetId, keys.sign.publicKey),
    name: 'web-1',
    keys,
    urls: ['https://c'],
  };
  const home = homeAt(join(temporaryFolder(t), 'home'));
  makeHome(home);
  return { home, identity, controller };
}

describe("an agent's home", () => {
  it('gives back the identity that it was given, for nobody else to read', (t) => {
    const { home, identity } = world(t);
    assert.equal(readIdentity(home), undefined);
    writeWhole(home.identity, encodeIdentity(identity));
    assert.equal(statSync(home.identity).mode & 0o777, 0o600);
    assert.equal(statSync(home.folder).mode & 0o777, 0o711);
    const read = readIdentity(home);
    assert.deepEqual(read?.keys.sign.privateKey, identity.keys.sign.privateKey);
    assert.deepEqual(Buffer.from(read?.agentId ?? []), Buffer.from(identity.agentId));
    assert.deepEqual([read?.name, read?.urls], ['web-1', ['https://c']]);
  });

  it('refuses a damaged identity and names the field, never the key', (t) => {
    const { home, identity } = world(t);
    const whole = JSON.parse(encodeIdentity(identity));
    for (const [change, field] of [
      [{ signKey: 'zz' }, 'signKey'],
      [{ agentId: '00'.repeat(16) }, 'agentId'],
      [{ version: 2 }, 'version'],
      [{ urls: 'https://c' }, 'urls'],
      [{ name: 7 }, 'name'],
    ] as const) {
      writeFileSync(home.identity, JSON.stringify({ ...whole, ...change }));
      assert.throws(
        () => readIdentity(home),
        (error: Error & { code: string }) => {
          assert.equal(error.code, 'bad-request');
          assert.match(error.message, new RegExp(`${field}$`));
          assert.ok(!error.message.includes(whole.boxKey));
          return true;
        },
      );
    }
    writeFileSync(home.identity, '{"version":');
    assert.throws(() => readIdentity(home), { code: 'bad-request' });
  });

  it('gives back the newest trust, verified again with the root that signs the next one', (t) => {
    const { home, identity, controller } = world(t);
    const store = identityStore(home, identity, pinOf(controller));
    const [signed] = controller.documents;
    assert.ok(signed);
    store.saveTrust(applyTrust(store.trust(), signed), signed);
    const read = readTrust(home, controller.fleetId);
    assert.equal(read.serial, 1);
    assert.deepEqual(read.document?.urls, ['https://controller.test:7443']);
    const saved = JSON.parse(readFileSync(home.trust, 'utf8'));
    writeFileSync(home.trust, JSON.stringify({ ...saved, rootKeyId: '00'.repeat(16) }));
    assert.throws(() => readTrust(home, controller.fleetId), { code: 'trust-rejected' });
    assert.throws(() => readTrust({ ...home, trust: `${home.trust}.none` }, controller.fleetId), {
      code: 'bad-request',
    });
  });

  it('counts on where an earlier process stopped', (t) => {
    const { home, identity, controller } = world(t);
    const first = identityStore(home, identity, pinOf(controller));
    assert.deepEqual([first.nextCounter(), first.nextCounter()], [1, 2]);
    const second = identityStore(home, identity, pinOf(controller));
    assert.equal(second.nextCounter(), 3);
    writeFileSync(home.counter, 'three');
    assert.throws(() => identityStore(home, identity, pinOf(controller)), { code: 'bad-request' });
  });

  it('counts on when the disk has no room for another file', (t) => {
    const { home, identity, controller } = world(t);
    assert.equal(identityStore(home, identity, pinOf(controller)).nextCounter(), 1);
    mkdirSync(`${home.counter}.tmp`);
    const { size, ino } = statSync(home.counter);
    const store = identityStore(home, identity, pinOf(controller));
    for (let count = 2; count < 100; count++) assert.equal(store.nextCounter(), count);
    assert.equal(identityStore(home, identity, pinOf(controller)).nextCounter(), 100);
    assert.deepEqual([statSync(home.counter).size, statSync(home.counter).ino], [size, ino]);
  });

  it('never counts back, wherever a write of the number was cut off', (t) => {
    const { home, identity, controller } = world(t);
    for (const count of [7, 8]) {
      const store = identityStore(home, identity, pinOf(controller));
      while (store.nextCounter() < count);
      const before = readFileSync(home.counter);
      store.nextCounter();
      const after = readFileSync(home.counter);
      const at = after.findIndex((byte, i) => byte !== before[i]);
      for (let cut = at; cut < at + 32; cut++) {
        writeFileSync(home.counter, Buffer.concat([after.subarray(0, cut), before.subarray(cut)]));
        assert.ok(identityStore(home, identity, pinOf(controller)).nextCounter() > count, `cut at ${cut}`);
      }
    }
  });

  it('does not count on when the number could not be written', (t) => {
    const { home, identity, controller } = world(t);
    const store = identityStore(
      { ...home, counter: join(home.folder, 'nowhere', 'counter') },
      identity,
      pinOf(controller),
    );
    assert.throws(() => store.nextCounter(), { code: 'journal-failed' });
    mkdirSync(join(home.folder, 'nowhere'));
    assert.equal(store.nextCounter(), 1);
  });

  it('keeps only what is not of a fleet when it is emptied', (t) => {
    const { home, identity } = world(t);
    for (const path of [
      home.identity,
      home.joining,
      home.trust,
      home.counter,
      home.journal,
      `${home.journal}-wal`,
      `${home.journal}.corrupt-1`,
      home.status,
      home.policy,
    ])
      writeFileSync(path, encodeIdentity(identity));
    mkdirSync(join(home.runs, 'one'), { recursive: true });
    mkdirSync(home.spool);
    emptyHome(home);
    assert.deepEqual(readdirSync(home.folder), ['policy.json']);
  });
});

describe('a file that is written whole', () => {
  it('is as it was when the new one cannot be written', (t) => {
    const folder = temporaryFolder(t);
    const path = join(folder, 'file');
    writeWhole(path, 'old');
    mkdirSync(`${path}.tmp`);
    assert.throws(() => writeWhole(path, 'new'), { code: 'journal-failed' });
    assert.equal(readFileSync(path, 'utf8'), 'old');
  });

  it('has its mode whatever was there before', (t) => {
    const path = join(temporaryFolder(t), 'file');
    writeFileSync(path, 'old');
    chmodSync(path, 0o644);
    writeWhole(path, 'new');
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });
});
