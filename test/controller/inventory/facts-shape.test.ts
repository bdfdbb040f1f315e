import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsJson } from '../../../agent/facts/facts.ts';
import { gatherFacts } from '../../../agent/facts/gather.ts';
import { parseFacts } from '../../../controller/inventory/facts-shape.ts';
import { LIMITS } from '../../../proto/limits.ts';
import { manualClock } from '../../agent/facts/clock.ts';
import { ALPINE, DEBIAN, ROCKY, sourceOf } from '../../agent/facts/machines.ts';

function parse(value: unknown): unknown {
  return parseFacts(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
}

for (const [name, machine] of Object.entries({ DEBIAN, ALPINE, ROCKY })) {
  test(`everything that a ${name.toLowerCase()} says of itself arrives as it was said`, async () => {
    const sent = factsJson(
      await gatherFacts(sourceOf(machine), { clock: manualClock(), agentVersion: '0.1.0' }),
    );
    assert.deepEqual(parse(sent), JSON.parse(sent));
  });
}

test('fields that the controller does not know are dropped', () => {
  assert.deepEqual(parse({ arch: 'x86_64', role: 'web', os: { id: 'debian', secret: 1 } }), {
    arch: 'x86_64',
    os: { id: 'debian' },
  });
});

test('a field of the wrong shape is dropped alone', () => {
  const said = {
    arch: 7,
    hostname: 'web-1',
    cpu: { count: -1, model: 'x' },
    memory: [],
    bootedAtMs: 2 ** 53 + 2,
    rebootRequired: 'yes',
    kernel: { release: null },
    disks: [1, null, { mount: '/' }, { fsType: 'ext4' }, { mount: '/x', totalBytes: 1.5 }],
    volatile: { load: [1, 2, 3, 4], uptimeSeconds: 5 },
  };
  assert.deepEqual(JSON.parse(JSON.stringify(parse(said))), {
    hostname: 'web-1',
    cpu: { model: 'x' },
    kernel: {},
    disks: [{ mount: '/' }, { mount: '/x' }],
    volatile: { uptimeSeconds: 5 },
  });
});

test('control characters and halves of characters become U+FFFD, and the rest is left for whoever shows it', () => {
  assert.deepEqual(parse('{"hostname":"a\\u001b[31m\\u0000\\n\\u009b\\ud800b","arch":"<b>\\u202ex"}'), {
    hostname: 'a\ufffd[31m\ufffd\ufffd\ufffd\ufffdb',
    arch: '<b>\u202ex',
  });
});

test('strings and lists are bounded', () => {
  assert.deepEqual(parse({ arch: 'x'.repeat(256), hostname: 'x'.repeat(257) }), {
    arch: 'x'.repeat(256),
    hostname: undefined,
  });
  const disks = Array.from({ length: 5_000 }, (_, n) => ({ mount: `/${n}` }));
  assert.equal((parse({ disks }) as { disks: unknown[] }).disks.length, 256);
});

test('names that every object has are never taken for facts', () => {
  const parsed = parse('{"__proto__":{"arch":"evil"},"constructor":"x","os":{"__proto__":{"id":"evil"}}}');
  assert.deepEqual(parsed, { os: undefined });
  assert.equal(({} as Record<string, unknown>).arch, undefined);
});

const REFUSED: [what: string, bytes: Uint8Array][] = [
  ['nothing', Buffer.from('')],
  ['half of an object', Buffer.from('{"arch":')],
  ['a list', Buffer.from('[]')],
  ['null', Buffer.from('null')],
  ['a string', Buffer.from('"x"')],
  ['bad UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ['a list that is two hundred thousand deep', Buffer.from('['.repeat(200_000))],
  ['an object that is deep', Buffer.from(`${'{"os":'.repeat(30_000)}1${'}'.repeat(30_001)}`)],
  ['more than the cap', Buffer.from(`{"arch":"x"${' '.repeat(LIMITS.factsBytes)}}`)],
];

for (const [what, bytes] of REFUSED) {
  test(`${what} is no facts`, () => assert.equal(parseFacts(bytes), undefined));
}

test('as much as the cap is still read', () => {
  const text = '{"arch":"x"';
  assert.deepEqual(parse(`${text}${' '.repeat(LIMITS.factsBytes - text.length - 1)}}`), { arch: 'x' });
});

test('random and mutated bytes never throw', () => {
  let state = 11;
  const next = (bound: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % bound;
  };
  const base = Buffer.from(
    JSON.stringify({ arch: 'x', os: { id: 'a' }, disks: [{ mount: '/' }], volatile: { load: [1] } }),
  );
  let read = 0;
  for (let round = 0; round < 2_000; round++) {
    const bytes = Buffer.from(base);
    for (let flips = next(3); flips >= 0; flips--) bytes[next(bytes.length)] = next(256);
    if (parseFacts(bytes)) read++;
  }
  assert.ok(read > 50 && read < 1_950, `${read} of 2000 were still facts`);
});
