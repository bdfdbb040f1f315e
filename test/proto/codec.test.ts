/**
 * Hostile bytes at the one door to protobuf. Whatever comes in, a decoder either gives a message whose one encoding these
 * bytes are, or throws MusterError('malformed'): never another error, never a changed prototype.
 */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import * as codecs from '../../proto/codec.ts';
import { MusterError } from '../../proto/errors.ts';
import { toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import { ascii, below, concat, counting, flipped, refused, seeded } from './fixture.ts';
import { SIGNED } from './signed.ts';
import { bytes, message, number, text, varint } from './wire.ts';

const sample = (name: string): Uint8Array => SIGNED[name] ?? assert.fail(name);

interface Door {
  name: string;
  decode(bytes: Uint8Array): unknown;
  encode(message: unknown): Uint8Array;
  /** A valid message. */
  valid: Uint8Array;
}

const door = (name: string, codec: unknown, valid: Uint8Array): Door => ({
  ...(codec as Pick<Door, 'decode' | 'encode'>),
  name,
  valid,
});

const frame: Pick<Door, 'decode' | 'encode'> = {
  decode: codecs.decodeFrame,
  encode: (value) => {
    const { kind, value: body } = value as codecs.Frame;
    return codecs.encodeFrame(kind, body);
  },
};

const preamble: Pick<Door, 'decode' | 'encode'> = {
  decode: codecs.decodePreamble,
  encode: (value) => {
    const { kind, value: body } = value as codecs.Preamble;
    return codecs.encodePreamble(kind, body);
  },
};

const FRAMES = {
  enrol: codecs.encodeFrame('enrol', {
    request: sample('enrol request'),
    signature: sample('enrol request signature'),
    tokenSecret: counting(0, 32),
  }),
  output: codecs.encodeFrame('output', {
    jobId: counting(0, 16),
    attempt: 1,
    stream: 'stderr',
    offset: 2 ** 40,
    position: 2 ** 41,
    data: ascii('a line\n'),
  }),
  ready: codecs.encodeFrame('ready', {
    factsDigest: counting(1, 32),
    receipt: { epoch: counting(2, 16), reportSeq: 9, chain: counting(3, 32) },
    runs: [
      { jobId: counting(4, 16), attempt: 1, position: 300 },
      { jobId: counting(5, 16), attempt: 2, position: 0 },
    ],
  }),
  refusal: codecs.encodeFrame('refusal', { code: 'try-later', detail: 'a little', retryAfterMs: 5_000 }),
  trust: codecs.encodeFrame('trust', sample('signed trust')),
};

const token = Buffer.from(Buffer.from(sample('token')).toString().slice('muster-join-'.length), 'base64url');

const MANIFEST = codecs.TreeManifest.encode({
  version: 1,
  entries: [
    { path: 'etc', kind: 'directory', mode: 0o755 },
    {
      path: 'etc/motd',
      kind: 'file',
      mode: 0o644,
      content: { sha512: counting(1, 64), length: 12, key: counting(2, 32) },
    },
  ],
});

const PARAMS = codecs.TargetParams.encode({
  version: 1,
  transaction: {
    manager: 'apt',
    changes: [{ name: 'nginx', arch: 'amd64', from: '1.22.1-9', to: '1.22.1-9+deb12u1' }],
  },
});

const DOORS: readonly Door[] = [
  door('TrustDocument', codecs.TrustDocument, codecs.SignedTrust.decode(sample('signed trust')).document),
  door('SignedTrust', codecs.SignedTrust, sample('signed trust')),
  door('Order', codecs.Order, sample('order')),
  door('SignedOrder', codecs.SignedOrder, sample('signed order')),
  door('Preamble', preamble, codecs.encodePreamble('hello', sample('hello'))),
  door('Hello', codecs.Hello, sample('hello')),
  door('WelcomeBody', codecs.WelcomeBody, sample('welcome body')),
  door('ProofBody', codecs.ProofBody, sample('proof body')),
  door('EnrolRequest', codecs.EnrolRequest, sample('enrol request')),
  door('EnrolGrant', codecs.EnrolGrant, sample('grant')),
  door('Report', codecs.Report, sample('report')),
  door('Release', codecs.Release, sample('release')),
  door('TargetParams', codecs.TargetParams, PARAMS),
  door('TreeManifest', codecs.TreeManifest, MANIFEST),
  door('JoinToken', codecs.JoinToken, token),
  door('Frame deliver', frame, sample('deliver frame')),
  door('Frame enrol', frame, FRAMES.enrol),
  door('Frame output', frame, FRAMES.output),
  door('Frame ready', frame, FRAMES.ready),
  door('Frame refusal', frame, FRAMES.refusal),
  door('Frame trust', frame, FRAMES.trust),
];

test('every decoder has its door here', () => {
  const decoders = Object.entries(codecs).filter(([, value]) => typeof value === 'object');
  const tried = new Set(DOORS.map(({ decode }) => decode));
  for (const [name, codec] of decoders) assert.ok(tried.has((codec as unknown as Door).decode), name);
  assert.ok(decoders.length > 10);
});

/** True when it was decoded. */
function holds({ name, decode, encode }: Door, input: Uint8Array): boolean {
  let decoded: unknown;
  try {
    decoded = decode(input);
  } catch (error) {
    assert.ok(error instanceof MusterError, `${name}: ${String(error)} for ${toHex(input.subarray(0, 200))}`);
    assert.equal(error.code, 'malformed');
    return false;
  }
  assert.equal(toHex(encode(decoded)), toHex(input), `${name} has one encoding`);
  assertPlain(decoded, name);
  return true;
}

/** Numbers that arithmetic can hold, text that is text. */
function assertPlain(value: unknown, where: string): void {
  if (typeof value === 'number') assert.ok(Number.isSafeInteger(value), `${where} is ${value}`);
  else if (typeof value === 'string') assert.ok(value.isWellFormed(), where);
  else if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array))
    for (const [key, inner] of Object.entries(value)) assertPlain(inner, `${where}.${key}`);
}

const OBJECT_KEYS = Reflect.ownKeys(Object.prototype).length;
const ARRAY_KEYS = Reflect.ownKeys(Array.prototype).length;

afterEach(() => {
  assert.equal(Reflect.ownKeys(Object.prototype).length, OBJECT_KEYS);
  assert.equal(Reflect.ownKeys(Array.prototype).length, ARRAY_KEYS);
  assert.deepEqual(Object.entries({}), []);
});

for (const one of DOORS) {
  test(`${one.name}: a valid message decodes, from a Buffer and from a plain array of bytes`, () => {
    assert.ok(holds(one, Uint8Array.from(one.valid)));
    assert.ok(holds(one, Buffer.from(one.valid)));
  });

  test(`${one.name}: random bytes decode to what they encode, or are malformed`, () => {
    const random = seeded(`random ${one.name}`);
    for (let i = 0; i < 300; i += 1) holds(one, random(below(random, 120)));
  });

  test(`${one.name}: a mutated message decodes to what it encodes, or is malformed`, () => {
    const random = seeded(`mutated ${one.name}`);
    for (let i = 0; i < 300; i += 1) holds(one, mutated(one.valid, random));
  });

  test(`${one.name}: an unknown field, a repeated message and a cut message are malformed`, () => {
    assert.ok(!holds(one, concat(one.valid, number(1000, 1))), 'behind');
    assert.ok(!holds(one, concat(number(1000, 1), one.valid)), 'before');
    assert.ok(!holds(one, concat(one.valid, text(1000, 'x'))), 'bytes');
    // Its last field is cut off in the middle.
    assert.ok(!holds(one, one.valid.subarray(0, -1)));
  });

  test(`${one.name}: groups to a depth of 10,000 and more are malformed`, () => {
    assert.ok(!holds(one, Buffer.alloc(10_000, varint(1000 * 8 + 3))), 'opened');
    const [open, close] = [varint(1000 * 8 + 3), varint(1000 * 8 + 4)];
    assert.ok(
      !holds(one, concat(Buffer.alloc(500 * open.length, open), Buffer.alloc(500 * close.length, close))),
    );
  });
}

/** One to three changes: flips, cuts, insertions, repetitions, pieces swapped. */
function mutated(valid: Uint8Array, random: (length: number) => Uint8Array): Uint8Array {
  let result = Uint8Array.from(valid);
  for (let changes = 1 + below(random, 3); changes > 0; changes -= 1) {
    const at = below(random, result.length + 1);
    const end = Math.min(result.length, at + below(random, 40));
    const piece = result.slice(at, end);
    const [head, tail] = [result.slice(0, at), result.slice(at)];
    const choices: (() => Uint8Array)[] = [
      () => flipped(result, Math.min(at, result.length - 1), 1 << below(random, 8)),
      () => concat(head, result.slice(end)),
      () => concat(head, random(1 + below(random, 8)), tail),
      () => concat(head, piece, tail),
      () => concat(tail, head),
    ];
    result = new Uint8Array((choices[below(random, choices.length)] ?? (() => result))());
  }
  return result;
}

test('no bytes are a message of defaults, and a frame without a body is malformed', () => {
  for (const one of DOORS) assert.equal(holds(one, new Uint8Array()), !/^(Frame|Preamble)/.test(one.name));
  assert.equal(codecs.Hello.decode(new Uint8Array()).purpose, '');
  assert.equal(codecs.Order.decode(new Uint8Array()).limits, null);
  refused('malformed', () => codecs.decodeFrame(new Uint8Array()));
  refused('malformed', () => codecs.decodePreamble(new Uint8Array()));
});

test('a million empty submessages decode to as many, in bounded memory, or are past a cap', () => {
  const empties = (field: number, length: number): Uint8Array => Buffer.alloc(length, message(field));
  const before = process.memoryUsage().rss;
  assert.equal(codecs.Order.decode(empties(10, LIMITS.orderBytes)).tasks.length, LIMITS.orderBytes / 2);
  const ready = message(16, empties(3, 2_000_000));
  const decoded = codecs.decodeFrame(ready);
  assert.equal(decoded.kind === 'ready' && decoded.value.runs.length, 1_000_000);
  refused('malformed', () => codecs.Report.decode(empties(12, 2_000_000)));
  assert.ok(process.memoryUsage().rss - before < 500e6, 'less than half a gigabyte for two megabytes');
});

test('a message one byte past its cap is refused before it is read', () => {
  const caps: [(bytes: Uint8Array) => unknown, number][] = [
    [codecs.Order.decode, LIMITS.orderBytes],
    [codecs.SignedOrder.decode, LIMITS.signedOrderBytes],
    [codecs.TrustDocument.decode, LIMITS.trustDocumentBytes],
    [codecs.EnrolRequest.decode, LIMITS.preProofBytes],
    [codecs.Report.decode, LIMITS.reportBytes],
    [codecs.decodeFrame, LIMITS.frameBytes],
  ];
  for (const [decode, cap] of caps) {
    // A field of bytes that is there in none of them: read, it would fail for another reason.
    const error = refused('malformed', () => decode(bytes(500, new Uint8Array(cap))));
    assert.match(error.message, /of \d+ bytes$/);
  }
});

test('a frame gives its kind and its body, and every absent field its default', () => {
  const ping = codecs.decodeFrame(codecs.encodeFrame('ping', { id: 7 }));
  assert.equal(ping.kind === 'ping' && ping.value.id, 7);
  const status = codecs.decodeFrame(codecs.encodeFrame('status', { jobId: ascii('0123456789abcdef') }));
  assert.equal(status.kind, 'status');
  assert.deepEqual(
    status.kind === 'status' && [status.value.state, status.value.attempt, status.value.orderHash.length],
    ['', 0, 0],
  );
  const trust = codecs.decodeFrame(codecs.encodeFrame('trust', counting(1, 3)));
  assert.deepEqual(trust.kind === 'trust' && new Uint8Array(trust.value), counting(1, 3));
});
