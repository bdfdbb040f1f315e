import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBundle, orderHash, seal, signOrder, wrapFor, wrappingPair } from '../../proto/bundle.ts';
import { decodeFrame, encodeFrame, Order } from '../../proto/codec.ts';
import { MusterError } from '../../proto/errors.ts';
import { sign } from '../../proto/frame.ts';
import { toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import { merkleTree, targetLeaf } from '../../proto/merkle.ts';
import {
  AGENT,
  boxPair,
  CONTROLLER,
  counting,
  EPOCH,
  flipped,
  OPERATOR,
  refused,
  runOrder,
  SIBLING,
  SIBLING_ID,
  seeded,
} from './fixture.ts';
import {
  build,
  CONTROLLER_ID,
  CONTROLLER_SIGNER,
  KEY,
  orderOf,
  PAIR,
  type Plan,
  signers,
  validPlan,
} from './plan.ts';
import { ORDER, PARAMS, TREE } from './signed.ts';

const EMPTY = new Uint8Array();

test('a valid bundle opens: the order, its very bytes, its hash, who signed it, and the params', () => {
  const plan = validPlan();
  const opened = openBundle(build(plan), plan.context);
  assert.equal(toHex(opened.orderBytes), toHex(ORDER));
  assert.deepEqual(opened.orderHash, orderHash(ORDER));
  assert.deepEqual(opened.order.tasks[0]?.command?.argv, ['uname', '-a']);
  assert.deepEqual(opened.signers, ['controller']);
  assert.deepEqual(opened.params, PARAMS);
});

test('seal and wrapFor give, byte for byte, what a sealer written from the text of TRUST gives', () => {
  for (const length of [0, 65_300, 140_000]) {
    const plan = validPlan();
    if (length > 0) plan.order = orderOf(length, plan);
    const order = Order.encode(plan.order);
    const sealed = seal(order, [signOrder(order, 'controller', CONTROLLER)], () => KEY);
    const { boxPublicKey, index, proof, params } = plan;
    const delivered = wrapFor(sealed, PAIR, { boxPublicKey, index, proof, params });
    assert.equal(toHex(encodeFrame('deliver', delivered)), toHex(encodeFrame('deliver', build(plan))));
  }
});

test('a delivery survives the wire', () => {
  const plan = validPlan();
  const frame = decodeFrame(encodeFrame('deliver', build(plan)));
  assert.equal(frame.kind, 'deliver');
  assert.ok(frame.kind === 'deliver' && openBundle(frame.value, plan.context));
});

test('an order of exactly 1 MiB is sealed in 17 chunks and opens; one byte more is too large', () => {
  const plan = validPlan();
  const order = Order.encode(orderOf(LIMITS.orderBytes, plan));
  assert.equal(order.length, LIMITS.orderBytes);
  const sealed = seal(order, [signOrder(order, 'controller', CONTROLLER)], seeded('1 MiB'));
  assert.equal(sealed.chunks.length, 17);
  const { boxPublicKey, index, proof, params } = plan;
  const opened = openBundle(wrapFor(sealed, PAIR, { boxPublicKey, index, proof, params }), plan.context);
  assert.equal(toHex(orderHash(opened.orderBytes)), toHex(orderHash(order)));
  refused('too-large', () => seal(new Uint8Array(LIMITS.orderBytes + 1), [], seeded('more')));
});

test('an order whose signed bytes end with a chunk is sealed without an empty one behind it', () => {
  const plan = validPlan();
  for (const length of [65_536, 131_072]) {
    let order = orderOf(length - 100, plan);
    const overhead = plan.plain(Order.encode(order), plan.signatures(EMPTY)).length - (length - 100);
    order = orderOf(length - overhead, plan);
    const bytes = Order.encode(order);
    assert.equal(plan.plain(bytes, plan.signatures(bytes)).length, length);
    plan.order = order;
    const { chunks } = seal(bytes, plan.signatures(bytes), seeded('exact'));
    assert.deepEqual(
      chunks.map((chunk) => chunk.length),
      Array(length / 65_536).fill(65_536 + 16),
    );
    assert.ok(openBundle(build(plan), plan.context));
  }
});

/** Every byte of a delivery's parts changed, one at a time, two ways. */
function* flips(plan: Plan): Generator<[string, ReturnType<typeof build>]> {
  const deliver = build(plan);
  const parts = ['orderHash', 'epk', 'keyBox', 'paramsBox'] as const;
  for (const mask of [0x01, 0x80]) {
    for (const part of parts)
      for (let at = 0; at < deliver[part].length; at += 1)
        yield [`${part}[${at}]`, { ...deliver, [part]: flipped(deliver[part], at, mask) }];
    for (const part of ['proof', 'chunks'] as const)
      for (const [i, piece] of deliver[part].entries())
        for (let at = 0; at < piece.length; at += 1)
          yield [
            `${part}[${i}][${at}]`,
            { ...deliver, [part]: deliver[part].with(i, flipped(piece, at, mask)) },
          ];
  }
}

test('every single-byte flip of a delivery is refused with a code, wherever it is', () => {
  const plan = validPlan();
  let tried = 0;
  for (const [where, deliver] of flips(plan)) {
    tried += 1;
    assert.throws(() => openBundle(deliver, plan.context), MusterError, where);
  }
  const { orderHash, epk, keyBox, paramsBox, proof, chunks } = build(plan);
  const sizes = [orderHash, epk, keyBox, paramsBox, ...proof, ...chunks].map((part) => part.length);
  assert.equal(tried, 2 * sizes.reduce((sum, size) => sum + size));
  for (let index = 0; index < 256; index += 1)
    if (index !== 1) refused('not-a-target', () => openBundle({ ...build(plan), index }, plan.context));
});

test('every single-byte flip of the encoded delivery is malformed or refused', () => {
  const plan = validPlan();
  const bytes = encodeFrame('deliver', build(plan));
  for (let at = 0; at < bytes.length; at += 1)
    assert.throws(
      () => {
        const frame = decodeFrame(flipped(bytes, at));
        // Another kind of frame delivers nothing.
        if (frame.kind !== 'deliver') throw new MusterError('malformed');
        openBundle(frame.value, plan.context);
      },
      MusterError,
      `byte ${at}`,
    );
});

for (const count of [1, 2, 10_000])
  test(`a bundle for ${count} agents is sealed once, and each of them opens its own share and no other's`, () => {
    const target = (i: number): { agentId: Uint8Array; epoch: Uint8Array; params: Uint8Array } => {
      const agentId = Buffer.alloc(16, 0xa0);
      agentId.writeUInt32BE(i, 12);
      return { agentId, epoch: EPOCH, params: EMPTY };
    };
    const tree = merkleTree(Array.from({ length: count }, (_, i) => targetLeaf(target(i))));
    const order = Order.encode(runOrder(tree));
    const sealed = seal(order, [signOrder(order, 'controller', CONTROLLER)], seeded(`for ${count}`));
    const pair = wrappingPair(seeded(`pair ${count}`));
    const sample = [...new Set([0, 1, 4_095, 4_096, 9_998, 9_999].map((i) => Math.min(i, count - 1)))];
    for (const i of sample) {
      const box = boxPair(`box of ${i}`);
      const deliver = wrapFor(sealed, pair, {
        boxPublicKey: box.publicKey,
        index: i,
        proof: tree.proof(i),
        params: EMPTY,
      });
      assert.equal(deliver.chunks, sealed.chunks, 'the ciphertext is shared, not copied');
      const { agentId } = target(i);
      const context = { ...validPlan().context, boxKey: box, agentId };
      assert.equal(openBundle(deliver, context).order.targetsCount, count);
      refused('not-a-target', () => openBundle(deliver, { ...context, agentId: target(count).agentId }));
      refused('unwrap-failed', () => openBundle(deliver, { ...context, boxKey: AGENT.box }));
    }
  });

test('a share without params has no params box, and gives empty params', () => {
  const plan = validPlan();
  plan.boxPublicKey = SIBLING.box.publicKey;
  [plan.index, plan.proof, plan.params] = [0, TREE.proof(0), EMPTY];
  Object.assign(plan.context, { agentId: SIBLING_ID, boxKey: SIBLING.box });
  const deliver = build(plan);
  assert.equal(deliver.paramsBox.length, 0);
  assert.equal(openBundle(deliver, plan.context).params.length, 0);
});

test('params sealed for a sibling do not open here, though the key of the bundle is the same', () => {
  const plan = validPlan();
  const mine = build(plan);
  const theirs = build({ ...plan, boxPublicKey: SIBLING.box.publicKey });
  refused('decrypt-failed', () => openBundle({ ...mine, paramsBox: theirs.paramsBox }, plan.context));
});

test('a recipient who knows the key of the bundle cannot change it for another recipient', () => {
  // The wrap covers the ciphertext, so chunks that were sealed anew under K do not go with the wrap of another agent.
  const plan = validPlan();
  const mine = build(plan);
  const forged = build({ ...plan, order: { ...plan.order, reason: 'forged' } });
  refused('unwrap-failed', () => openBundle({ ...mine, chunks: forged.chunks }, plan.context));
});

test('two signatures that count are both reported', () => {
  const plan = validPlan();
  const operatorId = counting(0xa0, 16);
  plan.context.signer = signers(
    [CONTROLLER_ID, CONTROLLER_SIGNER],
    [operatorId, { publicKey: OPERATOR.publicKey, role: 'operator' }],
  );
  plan.signatures = (order) => [
    { keyId: CONTROLLER_ID, signature: sign(CONTROLLER, 'order', order) },
    { keyId: operatorId, signature: sign(OPERATOR, 'order', order) },
  ];
  assert.deepEqual(openBundle(build(plan), plan.context).signers, ['controller', 'operator']);
});

test('an order opens from its first to its last millisecond', () => {
  const plan = validPlan();
  const { notBeforeMs = 0, expiresAtMs = 0 } = plan.order as { notBeforeMs: number; expiresAtMs: number };
  const deliver = build(plan);
  for (const nowMs of [notBeforeMs, expiresAtMs - 1])
    assert.ok(openBundle(deliver, { ...plan.context, nowMs }));
  refused('order-not-yet', () => openBundle(deliver, { ...plan.context, nowMs: notBeforeMs - 1 }));
  refused('order-expired', () => openBundle(deliver, { ...plan.context, nowMs: expiresAtMs }));
  assert.ok(openBundle(deliver, { ...plan.context, forgetFloorMs: expiresAtMs - 1 }));
});

test('the signer is asked with the kind of the order, so that the trust document decides by kind', () => {
  const plan = validPlan();
  const asked: string[] = [];
  plan.context.signer = (id, kind) => {
    asked.push(`${toHex(id)} ${kind}`);
    return CONTROLLER_SIGNER;
  };
  openBundle(build(plan), plan.context);
  assert.deepEqual(asked, [`${toHex(CONTROLLER_ID)} run`]);
});

test('wrapping for a key of small order is refused before anything is sealed to it', () => {
  const sealed = seal(ORDER, [], seeded('nobody'));
  refused('bad-key', () =>
    wrapFor(sealed, PAIR, { boxPublicKey: new Uint8Array(32), index: 0, proof: [], params: EMPTY }),
  );
});
