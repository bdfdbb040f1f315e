import { delay } from '../../proto/clock.ts';
import { type Message, TreeManifest } from '../../proto/codec.ts';
import { chunksOf, openChunk, SEALED_CHUNK_BYTES } from '../../proto/content.ts';
import { MusterError } from '../../proto/errors.ts';
import { equalBytes, toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import { checkTreeManifest } from '../../proto/validate-order.ts';
import type { Statement } from '../db/database.ts';
import { openContentKey } from './keys.ts';
import type { ContentPorts } from './ports.ts';
import { contentByDigest, insertJobContents, usedByJob } from './store.ts';

type Content = Message<'Content'>;

/** What the tasks of a job name. */
export interface Named {
  contents: readonly Content[];
  /** Each the content of a TreeManifest, whose entries name more. */
  manifests: readonly Content[];
}

/** Others are let in between so many. */
const SLICE = 200;

/**
 * Holds everything that a job names against what is here, and says how to record it: in the batch that makes the job, after
 * its row. From then on none of it is removed while the job lives; what was removed in between fails that batch by its foreign key.
 * Throws no-such-content, and bad-request for a manifest that is none.
 */
export async function claim(
  ports: Pick<ContentPorts, 'clock' | 'db' | 'disk' | 'sealingKey'>,
  jobId: string,
  named: Named,
): Promise<Statement[]> {
  const wanted = new Map<string, Content>();
  const want = (content: Content): void => void wanted.set(toHex(content.sha512), content);
  for (const content of [...named.contents, ...named.manifests]) want(content);
  const checked = new Set<string>();
  const check = async (): Promise<void> => {
    for (const [sha512, content] of wanted) {
      if (checked.has(sha512)) continue;
      await checkHere(ports, sha512, content);
      checked.add(sha512);
      if (checked.size % SLICE === 0) await delay(ports.clock, 0);
    }
  };
  await check();
  for (const manifest of named.manifests)
    for (const { content } of (await readManifest(ports, manifest)).entries) if (content) want(content);
  await check();
  if (wanted.size === 0) return [];
  return [
    ...insertJobContents([...wanted.keys()].map((sha512) => ({ job_id: jobId, sha512 }))),
    usedByJob({ jobId, nowMs: ports.clock.now() }),
  ];
}

async function checkHere(
  { db, sealingKey }: Pick<ContentPorts, 'db' | 'sealingKey'>,
  sha512: string,
  content: Content,
): Promise<void> {
  const [row] = await db.read(contentByDigest({ sha512 }));
  const isSame =
    row?.state === 'complete' &&
    row.length === content.length &&
    equalBytes(openContentKey(row.key_box, sealingKey), content.key);
  if (!isSame)
    throw new MusterError(
      'no-such-content',
      `sha512 ${sha512.slice(0, 16)}…: upload it, and name it as the reply does`,
    );
}

async function readManifest(
  { disk }: Pick<ContentPorts, 'disk'>,
  { sha512, length, key }: Content,
): Promise<Message<'TreeManifest'>> {
  if (length > LIMITS.treeManifestBytes)
    throw new MusterError('bad-request', `a manifest has at most ${LIMITS.treeManifestBytes} bytes`);
  const pieces: Uint8Array[] = [];
  for (let index = 0; index < chunksOf(length); index++) {
    const sealed = await disk.read(toHex(sha512), index * SEALED_CHUNK_BYTES, SEALED_CHUNK_BYTES);
    const plain = openChunk(key, length, index, sealed);
    if (!plain) throw new MusterError('no-such-content', 'the stored manifest is damaged; upload it again');
    pieces.push(plain);
  }
  try {
    const manifest = TreeManifest.decode(Buffer.concat(pieces));
    checkTreeManifest(manifest);
    return manifest;
  } catch (cause) {
    if (!(cause instanceof MusterError)) throw cause;
    throw new MusterError('bad-request', cause.detail ?? 'tree.manifest', { cause });
  }
}
