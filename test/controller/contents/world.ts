import { TreeManifest } from '../../../proto/codec.ts';
import { sha512 } from '../../../proto/crypto.ts';
import { toHex } from '../../../proto/ids.ts';
import { ADMIN, type ControllerWorld } from '../../support/controller-world.ts';
import { seededRandom } from '../../support/seeded-random.ts';

export interface Uploaded {
  sha512: string;
  length: number;
  key: string;
}

export const bytesOf = (length: number, seed = 'content'): Buffer => {
  const bytes = Buffer.from(seededRandom(seed)(Math.min(length, 4096)));
  return Buffer.alloc(length, bytes.length > 0 ? bytes : 0);
};

export const digestOf = (bytes: Uint8Array): string => toHex(sha512(bytes));

export async function* pieces(bytes: Uint8Array, size = 50_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** What the command line does, in one go. */
export async function upload({ controller }: ControllerWorld, bytes: Uint8Array): Promise<Uploaded> {
  const digest = digestOf(bytes);
  const { have } = await controller.verbs.contents.show(digest);
  const done = await controller.verbs.contents.put(
    { sha512: digest, length: bytes.length, offset: have, body: pieces(bytes.subarray(have)) },
    ADMIN,
  );
  return { sha512: digest, length: bytes.length, key: done.key ?? '' };
}

export function manifestOf(files: Record<string, Uploaded>): Buffer {
  const entries = Object.entries(files).map(([path, { sha512, length, key }]) => ({
    path,
    kind: 'file',
    mode: 0o644,
    content: { sha512: Buffer.from(sha512, 'hex'), length, key: Buffer.from(key, 'hex') },
  }));
  return Buffer.from(TreeManifest.encode({ version: 1, entries }));
}
