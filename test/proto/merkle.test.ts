import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frame, shortHash } from '../../proto/frame.ts';
import { equalBytes, toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import { type MerkleTree, merkleTree, targetLeaf, verifyInclusion } from '../../proto/merkle.ts';
import { AGENT_ID, ascii, below, counting, EPOCH, flipped, hex, SIBLING_ID, seeded } from './fixture.ts';

/** RFC 6962, section 2.1, as it is written: the largest power of two below n splits the list. */
function split(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

function referenceRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 1) return leaves[0] as Uint8Array;
  const k = split(leaves.length);
  return shortHash('node', referenceRoot(leaves.slice(0, k)), referenceRoot(leaves.slice(k)));
}

/** Section 2.1.1's PATH(m, D[n]). */
function referencePath(index: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length === 1) return [];
  const k = split(leaves.length);
  return index < k
    ? [...referencePath(index, leaves.slice(0, k)), referenceRoot(leaves.slice(k))]
    : [...referencePath(index - k, leaves.slice(k)), referenceRoot(leaves.slice(0, k))];
}

const leavesOf = (count: number): Uint8Array[] => {
  const random = seeded(`leaves ${count}`);
  return Array.from({ length: count }, () => random(32));
};

const at = <T>(list: readonly T[], index: number): T => list[index] as T;

test("trees of 1 to 70 leaves have RFC 6962's root and paths, and every path verifies", () => {
  for (let count = 1; count <= 70; count += 1) {
    const leaves = leavesOf(count);
    const tree = merkleTree(leaves);
    assert.equal(toHex(tree.root), toHex(referenceRoot(leaves)), `${count} leaves`);
    assert.equal(tree.count, count);
    for (let index = 0; index < count; index += 1) {
      const proof = tree.proof(index);
      assert.deepEqual(proof.map(toHex), referencePath(index, leaves).map(toHex));
      assert.ok(verifyInclusion(at(leaves, index), index, count, proof, tree.root), `${index} of ${count}`);
    }
  }
});

test("a tree of 10,000 leaves has RFC 6962's root, and proofs of at most 14 hashes that verify", () => {
  const leaves = leavesOf(10_000);
  const tree = merkleTree(leaves);
  assert.equal(toHex(tree.root), toHex(referenceRoot(leaves)));
  const random = seeded('ten thousand');
  for (const index of [0, 9_999, ...Array.from({ length: 200 }, () => below(random, 10_000))]) {
    const proof = tree.proof(index);
    assert.ok(proof.length <= 14);
    assert.ok(verifyInclusion(at(leaves, index), index, 10_000, proof, tree.root));
  }
  assert.deepEqual(tree.proof(9_999).map(toHex), referencePath(9_999, leaves).map(toHex));
});

/** Every wrong use of one agent's proof; none may verify. */
function forgeries(tree: MerkleTree, leaves: readonly Uint8Array[], index: number): [string, boolean][] {
  const { root, count } = tree;
  const proof = tree.proof(index);
  const leaf = at(leaves, index);
  const outcomes: [string, boolean][] = [
    ['extended', verifyInclusion(leaf, index, count, [...proof, counting(0, 32)], root)],
    ['extended by the root', verifyInclusion(leaf, index, count, [...proof, root], root)],
    ['extended below', verifyInclusion(leaf, index, count, [counting(0, 32), ...proof], root)],
    ['another root', verifyInclusion(leaf, index, count, proof, flipped(root, 0))],
    ['another leaf', verifyInclusion(flipped(leaf, 0), index, count, proof, root)],
    ['index of nobody', verifyInclusion(leaf, count, count, proof, root)],
    ['negative index', verifyInclusion(leaf, -1, count, proof, root)],
    ['half an index', verifyInclusion(leaf, index + 0.5, count, proof, root)],
  ];
  for (let length = 0; length < proof.length; length += 1) {
    outcomes.push([`cut to ${length}`, verifyInclusion(leaf, index, count, proof.slice(0, length), root)]);
    outcomes.push([
      `begun at ${length + 1}`,
      verifyInclusion(leaf, index, count, proof.slice(length + 1), root),
    ]);
    const altered = proof.with(length, flipped(at(proof, length), 31));
    outcomes.push([`altered at ${length}`, verifyInclusion(leaf, index, count, altered, root)]);
  }
  for (let other = 0; other < count; other += 1) {
    if (other === index) continue;
    outcomes.push([`as leaf ${other}`, verifyInclusion(leaf, other, count, proof, root)]);
    outcomes.push([`leaf of ${other}`, verifyInclusion(at(leaves, other), index, count, proof, root)]);
    outcomes.push([`proof of ${other}`, verifyInclusion(leaf, index, count, tree.proof(other), root)]);
  }
  return outcomes;
}

test("a proof that is cut, extended, altered, another's, or used with another index or leaf fails", () => {
  for (const count of [1, 2, 3, 5, 8, 13]) {
    const leaves = leavesOf(count);
    const tree = merkleTree(leaves);
    for (let index = 0; index < count; index += 1)
      for (const [what, verified] of forgeries(tree, leaves, index))
        assert.equal(verified, false, `${what}: ${index} of ${count}`);
  }
});

/** How many hashes RFC 6962's path has. */
function pathLength(index: number, count: number): number {
  if (count <= 1) return 0;
  const k = split(count);
  return 1 + (index < k ? pathLength(index, k) : pathLength(index - k, count - k));
}

test('a proof fails with a count for which a path has another length, and with a count that is none', () => {
  // Within one length the root says nothing of the count; the count stands in the signed order.
  const leaves = leavesOf(6);
  const tree = merkleTree(leaves);
  for (let index = 0; index < 6; index += 1) {
    const proof = tree.proof(index);
    const fails = (count: number): void =>
      assert.equal(
        verifyInclusion(at(leaves, index), index, count, proof, tree.root),
        false,
        `${index}/${count}`,
      );
    for (const count of [0, -6, 6.5, Number.NaN, (1 << 20) + 1]) fails(count);
    for (let count = 1; count <= 70; count += 1)
      if (index >= count || pathLength(index, count) !== proof.length) fails(count);
  }
});

test('the second of two leaves does not pass for the only one of one', () => {
  const [first, second] = leavesOf(2) as [Uint8Array, Uint8Array];
  const { root } = merkleTree([first, second]);
  assert.ok(verifyInclusion(second, 1, 2, [first], root));
  assert.equal(verifyInclusion(second, 0, 1, [first], root), false);
});

test('an inner node is no leaf: its hash has a domain of its own', () => {
  const leaves = leavesOf(4);
  const tree = merkleTree(leaves);
  const left = shortHash('node', at(leaves, 0), at(leaves, 1));
  const right = shortHash('node', at(leaves, 2), at(leaves, 3));
  assert.equal(toHex(tree.root), toHex(shortHash('node', left, right)));
  // A tree of two whose "leaves" are inner nodes has the same root, so leaves must never be free to choose.
  assert.ok(verifyInclusion(left, 0, 2, [right], tree.root));
  const leaf = targetLeaf({ agentId: AGENT_ID, epoch: EPOCH, params: new Uint8Array() });
  assert.ok(!equalBytes(frame('target', AGENT_ID).subarray(0, 15), frame('node', AGENT_ID).subarray(0, 15)));
  assert.equal(leaf.length, 32);
});

test('a leaf is made of id, epoch and the hash of the params, and differs when any of them does', () => {
  const target = { agentId: AGENT_ID, epoch: EPOCH, params: ascii('nginx=1.2') };
  assert.equal(
    toHex(targetLeaf(target)),
    toHex(shortHash('target', AGENT_ID, EPOCH, shortHash('params', ascii('nginx=1.2')))),
  );
  const leaves = [
    target,
    { ...target, agentId: SIBLING_ID },
    { ...target, epoch: flipped(EPOCH, 0) },
    { ...target, params: ascii('nginx=1.3') },
    { ...target, params: new Uint8Array() },
    { ...target, params: hex('00') },
  ].map((one) => toHex(targetLeaf(one)));
  assert.equal(new Set(leaves).size, leaves.length);
});

test('a tree without leaves and a proof of a leaf that is not there are faults of the caller', () => {
  assert.throws(() => merkleTree([]), RangeError);
  const tree = merkleTree(leavesOf(3));
  for (const index of [-1, 3, 0.5, Number.NaN]) assert.throws(() => tree.proof(index), RangeError);
});

test('a proof of more hashes than the largest tree has is refused before it is walked', () => {
  const proof = Array.from({ length: LIMITS.proofHashes + 1 }, () => counting(0, 32));
  proof[Symbol.iterator] = () => assert.fail('it was walked');
  assert.equal(verifyInclusion(counting(0, 32), 0, 1 << 20, proof, counting(0, 32)), false);
});
