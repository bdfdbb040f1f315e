import {
  appendRecord,
  GENESIS,
  type HeadRow,
  headBytes,
  type Link,
  type RecordRow,
} from '../../../controller/audit/chain.ts';
import { signKeyPair } from '../../../proto/crypto.ts';
import { hash, keyId, sign, verify } from '../../../proto/frame.ts';
import { toHex } from '../../../proto/ids.ts';

export const controllerKey = signKeyPair(new Uint8Array(32).fill(1));
export const strangerKey = signKeyPair(new Uint8Array(32).fill(2));
export const controllerKeyId = toHex(keyId('controller', controllerKey.publicKey));

export const signHead = (bytes: Uint8Array) => ({
  keyId: controllerKeyId,
  signature: sign(controllerKey, 'audit', bytes),
});

export const verifyHead = (id: string, bytes: Uint8Array, signature: Uint8Array): boolean =>
  id === controllerKeyId && verify(controllerKey.publicKey, signature, 'audit', bytes);

/** A good log of `count` records. */
export function records(count: number, from: Link = GENESIS, actor = 'ada'): RecordRow[] {
  const made: RecordRow[] = [];
  let last: Link = from;
  for (let i = 0; i < count; i++) {
    const detail = JSON.stringify({ job: `j${last.seq + 1}` });
    const record = appendRecord(hash, last, { atMs: 1_000 + i, actor, action: 'job.create', detail });
    made.push(record);
    last = record;
  }
  return made;
}

export function headOf({ seq, hash: digest }: RecordRow, key = controllerKey): HeadRow {
  const head = { seq, hash: digest, at_ms: 5_000 };
  return {
    ...head,
    controller_key_id: controllerKeyId,
    signature: sign(key, 'audit', headBytes(head)),
  };
}
