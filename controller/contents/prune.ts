import { chunksOf, sealedLength } from '../../proto/content.ts';
import type { ContentPorts } from './ports.ts';
import {
  allContents,
  contentDamaged,
  deleteUnnamed,
  staleContent,
  staleContents,
  unnameContent,
} from './store.ts';
import type { Uploads } from './upload.ts';

type PrunePorts = Pick<ContentPorts, 'db' | 'disk' | 'log'>;

const AT_ONCE = 200;

/**
 * Removes what was used last before `cutoffMs` and is named by no job that is alive or ended later. Resolves to how many
 * and how many bytes of the disk.
 */
export async function pruneContents(
  { db, disk }: PrunePorts,
  uploads: Pick<Uploads, 'alone'>,
  cutoffMs: number,
): Promise<{ contents: number; bytes: number }> {
  const pruned = { contents: 0, bytes: 0 };
  for (;;) {
    const before = pruned.contents;
    const page = await db.read(staleContents({ cutoffMs, limit: AT_ONCE }));
    for (const { sha512 } of page) {
      await uploads.alone(sha512, async () => {
        let isStale = false;
        await db.write([
          {
            late(tx) {
              isStale = tx.read(staleContent({ sha512, cutoffMs })).length > 0;
              return isStale ? [unnameContent({ sha512 }), deleteUnnamed({ sha512 })] : [];
            },
          },
        ]);
        if (!isStale) return;
        pruned.contents += 1;
        pruned.bytes += (await disk.size(sha512)) ?? 0;
        await disk.remove(sha512);
      });
    }
    // A whole page that somebody uses again is looked at another time.
    if (page.length < AT_ONCE || pruned.contents === before) return pruned;
  }
}

/** At the start: files that no row knows go, and what a row says is here and is not counts as not uploaded. */
export async function reconcileContents({ db, disk, log }: PrunePorts): Promise<void> {
  // A row is there before its file is, so the files are listed first.
  const names = await disk.names();
  const rows = await db.read(allContents());
  const known = new Set(rows.map(({ sha512 }) => sha512));
  for (const name of names) if (!known.has(name)) await disk.remove(name);
  for (const { sha512, length, state } of rows) {
    if (state === 'partial' || chunksOf(length) === 0) continue;
    if ((await disk.size(sha512)) === sealedLength(length)) continue;
    log.warn({ content: sha512.slice(0, 16) }, 'content is not all here; upload it again');
    await db.write([contentDamaged({ sha512 })]);
  }
}
