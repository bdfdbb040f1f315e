/** The versions before a change: fetched and kept before it, found again to go back. */
import { MusterError } from '../../proto/errors.ts';
import { MIB } from '../../proto/limits.ts';
import { listed } from './compare.ts';
import type { Desk } from './desk.ts';
import type { PackageVersion, Wanted } from './manager.ts';

/** What is left free beside all that is put down. */
export const SPARE_BYTES = 16 * MIB;

/** Throws MusterError: no-way-back where one is required and cannot be had, disk-reserve where they do not fit. */
export async function keepOld(desk: Desk, old: readonly PackageVersion[]): Promise<void> {
  const { manager, kept, disk, host, task } = desk;
  if (task.wayBack === 'none' || old.length === 0) return;
  const files = await kept.find(old);
  const wanted = old.filter((_, index) => files[index] === undefined);
  const sizes = await manager.obtainable(wanted);
  const there = wanted.filter((_, index) => sizes[index] !== undefined);
  miss(
    desk,
    wanted.filter((_, index) => sizes[index] === undefined),
  );
  if (there.length === 0) return;
  const bytes = sizes.reduce((sum: number, size) => sum + (size ?? 0), 0);
  await kept.tidy(bytes, host.clock.now());
  // Fetched, and then copied to where it is kept.
  if ((await disk.freeBytes()) < 2 * bytes + SPARE_BYTES)
    throw new MusterError(
      'disk-reserve',
      `${bytes} bytes of versions before are to be kept; nothing was changed`,
    );
  try {
    const paths = await manager.fetchInto(there, await disk.scratch());
    for (const [index, one] of there.entries()) {
      const path = paths[index];
      if (path !== undefined) await kept.keep(one, path);
    }
    miss(
      desk,
      there.filter((_, index) => paths[index] === undefined),
    );
  } finally {
    await disk.clearScratch();
  }
}

function miss({ task, host }: Desk, missing: readonly PackageVersion[]): void {
  if (missing.length === 0) return;
  const words = listed(missing.map(({ name, version }) => `${name} ${version}`));
  if (task.wayBack === 'required') throw new MusterError('no-way-back', words);
  host.say(`there will be no way back to ${words}: nobody has it any more`);
}

/** With the files of those that are kept. Throws MusterError('no-way-back') for what nobody has. */
export async function withOld({ manager, kept }: Desk, changes: readonly Wanted[]): Promise<Wanted[]> {
  const versions = changes.map(({ name, arch, to }) => ({ name, arch, version: to }));
  const asked = versions.filter(({ version }) => version !== '');
  const files = await kept.find(asked);
  const elsewhere = asked.filter((_, index) => files[index] === undefined);
  const sizes = await manager.obtainable(elsewhere);
  const missing = elsewhere.filter((_, index) => sizes[index] === undefined);
  if (missing.length > 0)
    throw new MusterError('no-way-back', listed(missing.map(({ name, version }) => `${name} ${version}`)));
  return changes.map((change, index) => {
    const at = versions[index] ? asked.indexOf(versions[index]) : -1;
    const file = at < 0 ? undefined : files[at];
    return file === undefined ? change : { ...change, file };
  });
}
