import { TreeManifest } from '../../../proto/codec.ts';
import { sha512 } from '../../../proto/crypto.ts';
import { toHex } from '../../../proto/ids.ts';
import { KIB, LIMITS } from '../../../proto/limits.ts';
import type { ContentBody, TaskBody } from '../../api/contract.ts';
import { wrongUse } from '../failure.ts';
import { type LocalEntry, type LocalSource, openLocalFile } from './local-file.ts';
import { digestOf, type UploadParts, upload } from './upload.ts';

export interface CopyTarget {
  path: string;
  owner?: string;
  group?: string;
  mode?: number;
}

/** A file of at most so many bytes travels in the order itself. */
export const INLINE_BYTES = 256 * KIB;
/** Files that are brought to the controller at the same time. */
const AT_ONCE = 8;

/** Uploads what a copy needs, and says what each host is to do. `begun` is told of each file before its bytes move. */
export async function copyTask(
  parts: UploadParts & { begun(bytes: number): void },
  source: LocalSource,
  name: string,
  target: CopyTarget,
): Promise<TaskBody> {
  const { mode, ...where } = target;
  if (source.kind === 'tree')
    return { tree: { ...where, manifest: await manifest(parts, source.entries, name) } };
  const file = await openLocalFile(source.from);
  try {
    const asked = { ...where, state: 'file', mode: mode ?? source.mode } as const;
    if (file.length <= INLINE_BYTES) {
      const bytes = await file.read(0, INLINE_BYTES);
      return { file: { ...asked, inline: Buffer.from(bytes).toString('base64') } };
    }
    parts.begun(file.length);
    return { file: { ...asked, content: await upload(parts, source.from, await digestOf(file), file) } };
  } finally {
    await file.close();
  }
}

async function manifest(
  parts: UploadParts & { begun(bytes: number): void },
  entries: readonly LocalEntry[],
  name: string,
): Promise<ContentBody> {
  const contents = await uploadAll(parts, entries);
  const encoded = TreeManifest.encode({
    version: 1,
    entries: entries.map((entry) => ({
      path: entry.path,
      kind: entry.kind,
      mode: entry.kind === 'link' ? 0 : entry.mode,
      target: entry.kind === 'link' ? entry.target : '',
      content: wireContent(contents.get(entry.path)),
    })),
  });
  if (encoded.length > LIMITS.treeManifestBytes)
    throw wrongUse(`${name} has too many files: their list has more than ${LIMITS.treeManifestBytes} bytes`);
  const list = {
    length: encoded.length,
    read: async (at: number, length: number) => encoded.subarray(at, at + length),
  };
  return upload({ ...parts, moved: () => {} }, `the list of ${name}`, toHex(sha512(encoded)), list);
}

/** By path. The same bytes under several names are brought once. */
async function uploadAll(
  parts: UploadParts & { begun(bytes: number): void },
  entries: readonly LocalEntry[],
): Promise<Map<string, ContentBody>> {
  const files = entries.filter((entry) => entry.kind === 'file');
  const contents = new Map<string, ContentBody>();
  const underWay = new Map<string, Promise<ContentBody>>();
  let next = 0;
  let failed = false;
  const work = async (): Promise<void> => {
    for (let entry = files[next++]; entry && !failed; entry = files[next++]) {
      const file = await openLocalFile(entry.from);
      try {
        const digest = await digestOf(file);
        let uploaded = underWay.get(digest);
        if (!uploaded) {
          parts.begun(file.length);
          uploaded = upload(parts, entry.from, digest, file);
          underWay.set(digest, uploaded);
        }
        contents.set(entry.path, await uploaded);
      } catch (error) {
        failed = true;
        throw error;
      } finally {
        await file.close();
      }
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: AT_ONCE }, work));
  for (const worker of workers) if (worker.status === 'rejected') throw worker.reason;
  return contents;
}

function wireContent(body: ContentBody | undefined) {
  return body === undefined
    ? null
    : { ...body, sha512: Buffer.from(body.sha512, 'hex'), key: Buffer.from(body.key, 'hex') };
}
