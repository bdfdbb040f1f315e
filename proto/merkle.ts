/**
 * Membership of one agent among the targets of an order: a Merkle tree of RFC 6962's shape (section 2.1), with Muster's
 * domain-separated hashes in place of its 00/01 prefixes. Inclusion is verified as in RFC 9162, section 2.1.3.2.
 */
import { shortHash } from './frame.ts';
import { equalBytes } from './ids.ts';
import { LIMITS } from './limits.ts';

export interface Target {
  agentId: Uint8Array;
  epoch: Uint8Array;
  /** Bytes for this agent alone; empty where there are none. */
  params: Uint8Array;
}

export function targetLeaf(target: Target): Uint8Array {
  return shortHash('target', target.agentId, target.epoch, shortHash('params', target.params));
}

export interface MerkleTree {
  readonly root: Uint8Array;
  readonly count: number;
  /** Sibling hashes from the leaf upwards. */
  proof(index: number): Uint8Array[];
}

/** Level by level: an odd node at a level's end moves up unchanged, which gives exactly RFC 6962's tree. */
export function merkleTree(leaves: readonly Uint8Array[]): MerkleTree {
  if (leaves.length === 0) throw new RangeError('a tree has at least one leaf');
  const levels: Uint8Array[][] = [[...leaves]];
  for (let level = levels[0]; level && level.length > 1; level = levels.at(-1)) {
    const above: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const left = level[i] as Uint8Array;
      const right = level[i + 1];
      above.push(right ? shortHash('node', left, right) : left);
    }
    levels.push(above);
  }
  const root = levels.at(-1)?.[0] as Uint8Array;
  return {
    root,
    count: leaves.length,
    proof(index) {
      if (!Number.isInteger(index) || index < 0 || index >= leaves.length)
        throw new RangeError('no such leaf');
      const path: Uint8Array[] = [];
      let at = index;
      for (const level of levels) {
        const sibling = level[at ^ 1];
        if (sibling) path.push(sibling);
        at >>>= 1;
      }
      return path;
    },
  };
}

/** Whether `leaf` stands at `index` of a tree with `count` leaves and this root. */
export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  count: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!Number.isInteger(index) || !Number.isInteger(count)) return false;
  if (index < 0 || index >= count || count > LIMITS.targetsPerOrder || proof.length > LIMITS.proofHashes)
    return false;
  let at = index;
  let last = count - 1;
  let node = leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      node = shortHash('node', sibling, node);
      while (at % 2 === 0 && at !== 0) {
        at >>>= 1;
        last >>>= 1;
      }
    } else {
      node = shortHash('node', node, sibling);
    }
    at >>>= 1;
    last >>>= 1;
  }
  return last === 0 && equalBytes(node, root);
}
