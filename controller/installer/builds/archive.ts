/** npm's archive of a runtime: nothing of it is read before all of it is what the lockfile says, and then one file. */
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { incrementalSha512 } from '../../../proto/crypto.ts';
import { toHex } from '../../../proto/ids.ts';
import { LIMITS } from '../../../proto/limits.ts';

export async function digestOfFile(path: string): Promise<string> {
  const hash = incrementalSha512();
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece);
  return toHex(hash.digest());
}

const ENTRY = 'package/bin/node';

/** Of an archive whose digest was found right. Throws where the file is not in it, or is none. */
export async function unpackNode(archive: string, to: string): Promise<void> {
  const entries = extract();
  const reading = pipeline(createReadStream(archive), createGunzip(), entries);
  // It fails with the loop below, which says why.
  reading.catch(() => {});
  let found = false;
  for await (const entry of entries) {
    if (entry.header.name !== ENTRY) {
      entry.resume();
      continue;
    }
    const { type, size = 0 } = entry.header;
    if (found || type !== 'file' || size === 0 || size > LIMITS.buildBytes)
      throw new Error(`${ENTRY} is not one file`);
    found = true;
    await pipeline(entry, createWriteStream(to, { flags: 'wx', mode: 0o700 }));
  }
  await reading;
  if (!found) throw new Error(`${ENTRY} is not in it`);
  await chmod(to, 0o755);
}
