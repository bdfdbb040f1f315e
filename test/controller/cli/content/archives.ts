import type { Readable } from 'node:stream';
import { type Header, pack } from 'tar-stream';

export type Put = Partial<Header> & { name: string; text?: string };

/** A tar archive of these entries, as they are written. */
export async function archiveOf(entries: readonly Put[]): Promise<Buffer> {
  const tar = pack();
  for (const { text, ...header } of entries) {
    if (text === undefined) tar.entry({ size: 0, ...header });
    else tar.entry(header, text);
  }
  tar.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of tar as unknown as Readable) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
