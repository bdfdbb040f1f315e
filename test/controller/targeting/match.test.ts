import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factAt } from '../../../controller/targeting/fact-path.ts';
import { type Matchable, match } from '../../../controller/targeting/match.ts';
import { parseTargets } from '../../../controller/targeting/parse.ts';
import { parseSelector } from '../../../controller/targeting/selector.ts';

function agent(name: string, labels: Record<string, string> = {}, facts?: unknown): Matchable {
  const id = Buffer.from(name).toString('hex').padEnd(32, '0').slice(0, 32);
  return { id, name, labels, facts };
}

const web1 = agent('web-1', { role: 'web', env: 'prod' }, { os: { id: 'debian' }, cpu: { count: 4 } });
const web9 = agent('web-9', { role: 'web', env: 'stage', 'os.id': 'custom' }, { os: { id: 'debian' } });
const db1 = agent(
  'db-1',
  { role: 'db', gpu: '' },
  {
    arch: 'x86_64',
    rebootRequired: false,
    os: { id: 'rocky' },
    disks: [{ mount: '/' }, { mount: '/data' }],
    addresses: [{ address: '10.0.0.7' }, { address: 'fe80::1' }],
    tags: ['x', 'y'],
  },
);
const bare = agent('zz');
const NOBODY = 'F'.repeat(32);
const FLEET = [web9, bare, db1, web1];

function names(targets?: string, selector?: string): string[] {
  return match(FLEET, {
    targets: targets === undefined ? undefined : parseTargets(targets),
    selector: selector === undefined ? undefined : parseSelector(selector),
  }).agents.map(({ name }) => name);
}

const BY_TARGET: [targets: string, expected: string[]][] = [
  ['all', ['db-1', 'web-1', 'web-9', 'zz']],
  ['*', ['db-1', 'web-1', 'web-9', 'zz']],
  ['web-1', ['web-1']],
  ['WEB-1', ['web-1']],
  ['zz,db-1,db-1,d*', ['db-1', 'zz']],
  ['web-*,!web-9', ['web-1']],
  ['!web-9,web-*', ['web-1']],
  ['web-9,!web-9', []],
  ['all,!web-?', ['db-1', 'zz']],
  ['all,!WEB-9', ['db-1', 'web-1', 'zz']],
  [db1.id, ['db-1']],
  [db1.id.toUpperCase(), ['db-1']],
  [`all,!${db1.id}`, ['web-1', 'web-9', 'zz']],
  ['web', []],
];

for (const [targets, expected] of BY_TARGET) {
  test(`-t ${targets} means ${expected.join(' ') || 'nobody'}`, () =>
    assert.deepEqual(names(targets), expected));
}

const BY_SELECTOR: [selector: string, expected: string[]][] = [
  ['role=web', ['web-1', 'web-9']],
  ['role!=web', ['db-1', 'zz']],
  ['env in (prod,stage)', ['web-1', 'web-9']],
  ['env notin (prod)', ['db-1', 'web-9', 'zz']],
  ['gpu', ['db-1']],
  ['gpu=', ['db-1']],
  ['!gpu,env', ['web-1', 'web-9']],
  ['role=web,env=prod', ['web-1']],
  ['os.id=debian', ['web-1']],
  ['os.id=custom', ['web-9']],
  ['facts.os.id=debian', ['web-1', 'web-9']],
  ['os.id!=debian', ['db-1', 'web-9', 'zz']],
  ['!os.id', ['zz']],
  ['cpu.count=4', ['web-1']],
  ['cpu.count', ['web-1']],
  ['facts.cpu', ['web-1']],
  ['arch=x86_64', []],
  ['facts.arch=x86_64', ['db-1']],
  ['facts.rebootRequired=false', ['db-1']],
  ['disks.mount=/data', ['db-1']],
  ['disks.mount!=/data', ['web-1', 'web-9', 'zz']],
  ['addresses.address in (10.0.0.7,10.0.0.8)', ['db-1']],
  ['facts.tags=y', ['db-1']],
  ['facts.constructor', []],
  ['os.constructor', []],
  ['os.constructor.name', []],
  ['os.id.length', []],
  ['constructor', []],
  ['toString', []],
];

for (const [selector, expected] of BY_SELECTOR) {
  test(`-l '${selector}' means ${expected.join(' ') || 'nobody'}`, () =>
    assert.deepEqual(names(undefined, selector), expected));
}

test('targets and selector together mean both', () => {
  assert.deepEqual(names('web-1,db-1', 'role=web'), ['web-1']);
  assert.deepEqual(names('all,!web-1', 'role=web'), ['web-9']);
});

test('neither targets nor selector mean nobody', () => {
  assert.deepEqual(match(FLEET, {}), { agents: [], unknown: [] });
});

test('names that no agent has are told, those of exclusions too, and globs are not', () => {
  const { agents, unknown } = match(FLEET, {
    targets: parseTargets(`Web-7,web-1,none*,${db1.id},!db-2,!web-9,!${bare.id},${NOBODY}`),
  });
  assert.deepEqual(agents, [db1, web1]);
  assert.deepEqual(unknown, ['Web-7', NOBODY, '!db-2']);
});

test('a name that exists is known even where the selector leaves it out', () => {
  const found = match(FLEET, { targets: parseTargets('db-1'), selector: parseSelector('role=web') });
  assert.deepEqual(found, { agents: [], unknown: [] });
});

test('the agents that are passed in keep their order', () => {
  const before = [...FLEET];
  names('all');
  assert.deepEqual(FLEET, before);
});

test('a fact path finds own properties only, and every element of an array', () => {
  const facts = {
    disks: [{ mount: '/' }, { mount: '/data' }],
    none: null,
    deep: { er: [{ a: [1, 2] }, { a: 3 }] },
  };
  assert.deepEqual(factAt(facts, 'disks.mount'), ['/', '/data']);
  assert.deepEqual(factAt(facts, 'deep.er.a'), [1, 2, 3]);
  assert.deepEqual(factAt(facts, 'disks.length'), []);
  assert.deepEqual(factAt(facts, 'none'), []);
  assert.deepEqual(factAt(facts, '__proto__'), []);
  assert.deepEqual(factAt(facts, 'disks.0.mount'), []);
  assert.deepEqual(factAt(undefined, 'os.id'), []);
  assert.deepEqual(factAt('text', 'length'), []);
});

test('ten thousand agents and a thousand exact names are matched by lookup, not by comparing all with all', () => {
  let reads = 0;
  const fleet = Array.from({ length: 10_000 }, (_, n) => {
    const plain = agent(`host-${n}`);
    return Object.defineProperty({ ...plain }, 'name', {
      enumerable: true,
      get: () => {
        reads++;
        return plain.name;
      },
    });
  });
  const list = Array.from({ length: 1_000 }, (_, n) => `host-${n * 7}`).join(',');
  const { agents, unknown } = match(fleet, { targets: parseTargets(list) });
  assert.equal(agents.length, 1_000);
  assert.deepEqual(unknown, []);
  assert.ok(reads < 100_000, `${reads} reads of names`);
});
