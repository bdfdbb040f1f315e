import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readIdentity, readTrust } from '../../../agent/identity/file-store.ts';
import { homeAt } from '../../../agent/identity/home.ts';
import { openJournal } from '../../../agent/spool/open-journal.ts';
import { idOfAgent } from '../../../certs/identity.ts';
import { signKeyPair } from '../../../proto/crypto.ts';
import { keyId } from '../../../proto/frame.ts';
import { toHex } from '../../../proto/ids.ts';
import { LIMITS } from '../../../proto/limits.ts';
import { type FakeController, fakeController } from '../../support/fake-controller.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { virtualClock } from '../../support/virtual-clock.ts';
import { type Shell, shell } from './shell.ts';

interface Answer {
  name: string;
  id: string;
  fleet: string;
  signKey: string;
  boxKey: string;
  epoch: string;
  hostname: string;
  created: boolean;
}

/** What an installer gives on standard input. */
function chainOf(controller: FakeController, change: Record<string, unknown> = {}): string {
  return JSON.stringify({
    fleetId: toHex(controller.fleetId),
    rootKeyId: toHex(keyId('root', controller.root.publicKey)),
    urls: ['https://controller.test:7443'],
    documents: controller.documents.map((document) => Buffer.from(document).toString('base64')),
    ...change,
  });
}

async function init(at: Shell, chain = chainOf(at.controller), name = 'web-1'): Promise<Answer> {
  at.stdin = chain;
  assert.equal(await at.run('init', '--name', name), 0, at.notes);
  return JSON.parse(at.out) as Answer;
}

async function refusal(at: Shell, chain: string, name = 'web-1'): Promise<string> {
  at.stdin = chain;
  assert.notEqual(await at.run('init', '--name', name), 0, `${chain.slice(0, 80)} was taken`);
  assert.equal(at.out, '');
  return at.notes;
}

describe('muster-agent init', () => {
  test('makes keys that never leave the host, trusts what it was given, and prints the public ones', async (t) => {
    const at = shell(t);
    const answer = await init(at);
    const home = homeAt(at.home);
    const identity = readIdentity(home);
    assert.ok(identity);
    const { keys } = identity;
    assert.deepEqual(
      [answer.name, answer.fleet, answer.hostname, answer.created],
      ['web-1', toHex(at.controller.fleetId), at.hostname, true],
    );
    assert.deepEqual(
      [answer.signKey, answer.boxKey],
      [toHex(keys.sign.publicKey), toHex(keys.box.publicKey)],
    );
    assert.equal(answer.id, toHex(idOfAgent(at.controller.fleetId, keys.sign.publicKey)));
    assert.match(answer.epoch, /^[0-9a-f]{32}$/);
    for (const secret of [keys.sign.privateKey, keys.box.privateKey])
      assert.ok(!(at.out + at.notes).includes(toHex(secret)));
    assert.equal(statSync(home.identity).mode & 0o777, 0o600);
    assert.equal(readTrust(home, at.controller.fleetId).serial, at.controller.documents.length);
  });

  test('prints the same again, and changes nothing, whatever name is asked for', async (t) => {
    const at = shell(t);
    const first = await init(at);
    const before = readFileSync(homeAt(at.home).identity);
    at.controller.addTrust({ urls: ['https://moved.test:7443'] });
    assert.deepEqual(await init(at), { ...first, created: false });
    assert.deepEqual(await init(at, chainOf(at.controller), 'web-2'), { ...first, created: false });
    assert.deepEqual(readFileSync(homeAt(at.home).identity), before);
  });

  test('walks a chain in which the root was changed', async (t) => {
    const at = shell(t);
    const next = signKeyPair(seededRandom('next root')(32));
    at.controller.addTrust({ rootPublicKey: next.publicKey }, [at.controller.root, next]);
    at.controller.addTrust({ rootPublicKey: next.publicKey }, [next]);
    await init(at);
    const trust = readTrust(homeAt(at.home), at.controller.fleetId);
    assert.deepEqual([trust.serial, trust.rootKeyId], [3, keyId('root', next.publicKey)]);
  });

  test('leaves a home of another fleet as it is', async (t) => {
    const at = shell(t);
    await init(at);
    const before = readFileSync(homeAt(at.home).identity);
    const other = fakeController({ clock: virtualClock(), random: seededRandom('another fleet') });
    assert.match(await refusal(at, chainOf(other)), /belongs to another fleet.*muster-agent leave/);
    assert.deepEqual(readFileSync(homeAt(at.home).identity), before);
    assert.equal(await at.run('leave', '--yes'), 0);
    assert.equal((await init(at, chainOf(other))).created, true);
  });

  test('begins with an identity made anew where one was cut off before it was whole', async (t) => {
    const at = shell(t);
    await init(at);
    const home = homeAt(at.home);
    const { epoch } = await init(at);
    writeFileSync(`${home.identity}.tmp`, '{"version":1,');
    const whole = readFileSync(home.identity, 'utf8');
    rmSync(home.identity);
    const again = await init(at);
    assert.equal(again.created, true);
    assert.equal(again.epoch, epoch, 'the journal is the same');
    assert.notEqual(readFileSync(home.identity, 'utf8'), whole);
  });

  test('does not touch a home on which an agent runs', async (t) => {
    const at = shell(t);
    await init(at);
    const journal = openJournal({
      file: homeAt(at.home).journal,
      newEpoch: () => new Uint8Array(16),
      now: Date.now,
      onCorrupt: () => {},
    });
    try {
      assert.match(await refusal(at, chainOf(at.controller)), /another agent is at work on this home/);
    } finally {
      journal.close();
    }
  });
});

describe('what comes on the standard input of muster-agent init', () => {
  test('is refused where it is not what an installer gives, and nothing is made', async (t) => {
    const at = shell(t);
    const { controller } = at;
    const good = JSON.parse(chainOf(controller)) as Record<string, string[]>;
    const [document = ''] = good.documents ?? [];
    const damaged = Buffer.from(document, 'base64');
    damaged.writeUInt8(damaged.readUInt8(damaged.length - 10) ^ 1, damaged.length - 10);
    const other = fakeController({ clock: virtualClock(), random: seededRandom('another fleet') });
    const foreign = other.documents.map((one) => Buffer.from(one).toString('base64'));
    for (const text of ['', '[]', 'null', '7', '{', chainOf(controller).slice(0, -1), '{"__proto__":{}}'])
      assert.match(await refusal(at, text), /standard input/);
    for (const [change, says] of [
      [{ fleetId: 'ab' }, /fleetId/],
      [{ fleetId: 7 }, /fleetId/],
      [{ rootKeyId: undefined }, /rootKeyId/],
      [{ urls: [] }, /urls/],
      [{ urls: 'https://a' }, /urls/],
      [{ urls: [7] }, /urls/],
      [{ urls: ['ftp://a'] }, /ftp:\/\/a/],
      [{ urls: Array.from({ length: 17 }, () => 'https://a') }, /urls/],
      [{ documents: [] }, /documents/],
      [{ documents: {} }, /documents/],
      [{ documents: Array.from({ length: LIMITS.trustChainDocuments + 1 }, () => document) }, /documents/],
      [{ documents: ['%%%'] }, /./],
      [{ documents: [document.slice(0, 40)] }, /./],
      [{ documents: [damaged.toString('base64')] }, /./],
      [{ documents: [document, document] }, /older document/],
      [{ documents: foreign }, /root/],
      [{ fleetId: toHex(other.fleetId) }, /another fleet/],
      [{ rootKeyId: toHex(keyId('root', controller.key.publicKey)) }, /another root/],
    ] as const) {
      assert.match(
        await refusal(at, chainOf(controller, change)),
        says,
        JSON.stringify(change).slice(0, 100),
      );
      assert.ok(!existsSync(at.home), JSON.stringify(change).slice(0, 100));
    }
  });

  test('is not asked for where the name is none', async (t) => {
    const at = shell(t);
    for (const name of ['../../etc', '$(id)', 'a'.repeat(255), '', 'Web-1'])
      await refusal(at, chainOf(at.controller), name);
    assert.ok(!existsSync(at.home));
  });

  test('makes nothing that looks like an agent where the home cannot be written', async (t) => {
    const at = shell(t);
    writeFileSync(at.home, 'a file');
    assert.match(await refusal(at, chainOf(at.controller)), /home/);
    assert.equal(readFileSync(at.home, 'utf8'), 'a file');
    assert.deepEqual(readdirSync(at.folder).sort(), ['home', 'token']);
    assert.ok(!existsSync(join(at.home, 'identity.json')));
  });
});
