/**
 * The sealed bundles of unfinished jobs. Made once per job; after a restart built again from the store, with a new wrapping
 * pair: K is kept sealed under a key outside the database, the pair never.
 */
import { ciphertextHash, type SealedBundle, wrapFor, wrappingPair } from '../../proto/bundle.ts';
import type { DeliverMessage } from '../../proto/codec.ts';
import { type KeyPair, secretbox, secretboxOpen } from '../../proto/crypto.ts';
import { MusterError } from '../../proto/errors.ts';
import { LIMITS } from '../../proto/limits.ts';
import type { MerkleTree } from '../../proto/merkle.ts';
import { paramsOfJob, sealedJob } from './bundle-store.ts';
import { type TargetIdentity, treeOf } from './order.ts';
import type { JobsPorts } from './ports.ts';
import { runsOfJob } from './store.ts';

const EMPTY = new Uint8Array(0);
const NONCE_BYTES = 24;
const SEALED_CHUNK_BYTES = LIMITS.chunkBytes + 16;

interface JobBundle {
  sealed: SealedBundle;
  pair: KeyPair;
  tree: MerkleTree;
  /** Agent id -> what is for it alone. */
  params: ReadonlyMap<string, Uint8Array>;
  /** Agent id -> its place among the targets. */
  indexes: ReadonlyMap<string, number>;
}

export interface Bundles {
  add(
    jobId: string,
    sealed: SealedBundle,
    tree: MerkleTree,
    targets: readonly TargetIdentity[],
    params: ReadonlyMap<string, Uint8Array>,
  ): void;
  /** One agent's share, or undefined when the job has no bundle any more. */
  share(jobId: string, agentId: string, boxKey: Uint8Array): Promise<DeliverMessage | undefined>;
  forget(jobId: string): void;
  /** K, or what is for one agent alone, as it is stored. */
  sealKey(bytes: Uint8Array): Uint8Array;
}

export function createBundles(ports: Pick<JobsPorts, 'db' | 'random' | 'jobKey'>): Bundles {
  const { db, random, jobKey } = ports;
  const bundles = new Map<string, JobBundle>();
  /** Several agents may ask for one bundle at once. A load that failed is not kept: the next one tries again. */
  const loading = new Map<string, Promise<JobBundle | undefined>>();

  const make = (
    sealed: SealedBundle,
    tree: MerkleTree,
    targets: readonly TargetIdentity[],
    params: ReadonlyMap<string, Uint8Array>,
  ): JobBundle => ({
    sealed,
    tree,
    params,
    pair: wrappingPair(random),
    indexes: new Map(targets.map(({ id }, index) => [id, index])),
  });

  async function load(jobId: string): Promise<JobBundle | undefined> {
    const [job] = await db.read(sealedJob({ id: jobId }));
    if (!job) return undefined;
    const key = openBox(job.key_box);
    const boxes = await db.read(paramsOfJob({ jobId }));
    const params = new Map(boxes.map((row) => [row.agent_id, openBox(row.box)]));
    const runs = await db.read(runsOfJob({ jobId }));
    const targets = runs.map((run) => ({ id: run.agent_id, epoch: run.agent_epoch }));
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < job.ciphertext.length; at += SEALED_CHUNK_BYTES)
      chunks.push(job.ciphertext.subarray(at, at + SEALED_CHUNK_BYTES));
    const sealed = { orderHash: job.order_hash, key, chunks, ciphertextHash: ciphertextHash(chunks) };
    return make(sealed, treeOf(targets, params), targets, params);
  }

  function openBox(box: Uint8Array): Uint8Array {
    const plain = secretboxOpen(box.subarray(NONCE_BYTES), box.subarray(0, NONCE_BYTES), jobKey);
    if (!plain) throw new MusterError('internal', 'the key of unfinished jobs does not open this job');
    return plain;
  }

  async function find(jobId: string): Promise<JobBundle | undefined> {
    const known = bundles.get(jobId);
    if (known) return known;
    const underWay = loading.get(jobId) ?? load(jobId);
    loading.set(jobId, underWay);
    try {
      const bundle = await underWay;
      // Not when the job ended meanwhile: it was forgotten then.
      if (bundle && loading.get(jobId) === underWay) bundles.set(jobId, bundle);
      return bundle;
    } finally {
      if (loading.get(jobId) === underWay) loading.delete(jobId);
    }
  }

  return {
    add(jobId, sealed, tree, targets, params) {
      bundles.set(jobId, make(sealed, tree, targets, params));
    },
    async share(jobId, agentId, boxKey) {
      const bundle = await find(jobId);
      const index = bundle?.indexes.get(agentId);
      if (!bundle || index === undefined) return undefined;
      const to = {
        boxPublicKey: boxKey,
        index,
        proof: bundle.tree.proof(index),
        params: bundle.params.get(agentId) ?? EMPTY,
      };
      return wrapFor(bundle.sealed, bundle.pair, to);
    },
    forget(jobId) {
      bundles.delete(jobId);
      loading.delete(jobId);
    },
    sealKey(bytes) {
      const nonce = random(NONCE_BYTES);
      return Buffer.concat([nonce, secretbox(bytes, nonce, jobKey)]);
    },
  };
}
