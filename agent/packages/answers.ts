/** What is only asked: scan, plan and history. */
import type {
  PackageHistory,
  PackagePlan,
  PackageScan,
  PlannedChange,
  Versions,
} from '../../proto/packages.ts';
import { keyOf, listed } from './compare.ts';
import { type Desk, type PackagesResult, UNCHANGED, waitForLock } from './desk.ts';
import { firstSeen } from './home.ts';
import { type PackageVersion, type Pending, type Simulation, Unsolvable } from './manager.ts';
import { restartsAfter, restartsNow } from './restarts.ts';

const HISTORY_ENTRIES = 500;
const EMPTY: Simulation = { changes: [], downloadBytes: 0, diskBytes: 0 };

export async function scan(desk: Desk): Promise<PackagesResult> {
  const { host, manager } = desk;
  await waitForLock(desk);
  await manager.refresh();
  const pending = await manager.pending();
  const seen = await firstSeen(desk.disk, pending.map(asWanted), host.clock.now());
  const { rebootNeeded, units } = await restartsNow(host, manager);
  desk.answer({
    ...{ version: 1, manager: manager.name, rebootNeeded, restarts: units },
    pending: pending.map((one, index) => ({ ...one, sinceMs: seen[index] ?? host.clock.now() })),
  } satisfies PackageScan);
  return UNCHANGED;
}

const asWanted = ({ name, arch, to }: Versions): PackageVersion => ({ name, arch, version: to });

export async function history(desk: Desk): Promise<PackagesResult> {
  const entries = await desk.manager.history(HISTORY_ENTRIES);
  desk.answer({ version: 1, manager: desk.manager.name, entries } satisfies PackageHistory);
  return UNCHANGED;
}

export async function plan(desk: Desk): Promise<PackagesResult> {
  const { host, manager, task } = desk;
  await waitForLock(desk);
  await manager.refresh();
  const pending = await manager.pending();
  const left: { name: string; why: string }[] = [];
  const meant = pending.filter((one) => {
    const why = whyLeft(one, task);
    if (why !== undefined) left.push({ name: one.name, why });
    return why === undefined;
  });
  for (const name of task.names)
    if (!pending.some((one) => one.name === name)) left.push({ name, why: 'no update of it waits' });
  const solved = await solve(desk, pending, meant, left);
  const { changes } = solved;
  const security = new Set(pending.filter((one) => one.security).map(keyOf));
  const ways = await waysBack(desk, changes);
  desk.answer({
    ...{ version: 1, manager: manager.name, downloadBytes: solved.downloadBytes, left },
    changes: changes.map(
      (one, index): PlannedChange => ({
        ...one,
        security: security.has(keyOf(one)),
        wayBack: ways[index] ?? false,
      }),
    ),
    wantsReboot: manager.wantsReboot(changes),
    restarts: await restartsAfter(host, manager, changes),
  } satisfies PackagePlan);
  return UNCHANGED;
}

function whyLeft({ name, held, security }: Pending, task: Desk['task']): string | undefined {
  if (task.names.length > 0 && !task.names.includes(name)) return 'not asked for';
  if (task.exclude.includes(name)) return 'excluded';
  if (task.security && !security) return 'no security update';
  return held ? 'held' : undefined;
}

/**
 * All that is meant together, where that can be; else as much of it as can be had, found by halves. What nobody named never makes another
 * package go, and nothing that is excluded or held comes along.
 */
async function solve(
  { manager, task, host }: Desk,
  pending: readonly Pending[],
  meant: readonly Pending[],
  left: { name: string; why: string }[],
): Promise<Simulation> {
  const kept = new Set(pending.filter((one) => one.held || task.exclude.includes(one.name)).map(keyOf));
  let best = EMPTY;
  let accepted: readonly Pending[] = [];

  async function refusal(all: readonly Pending[]): Promise<string | undefined> {
    host.signal.throwIfAborted();
    try {
      const found = await manager.simulate({ kind: 'exact', changes: all });
      const forbidden = found.changes.filter(
        (one) => kept.has(keyOf(one)) || task.exclude.includes(one.name),
      );
      if (forbidden.length > 0) return `would change what is held or excluded: ${names(forbidden)}`;
      const removed = found.changes.filter(({ to }) => to === '');
      if (removed.length > 0 && !all.every(({ name }) => task.names.includes(name)))
        return `would remove ${names(removed)}; it is done where it is asked for by name`;
      best = found;
      accepted = all;
      return undefined;
    } catch (cause) {
      if (cause instanceof Unsolvable) return cause.message;
      throw cause;
    }
  }

  async function take(batch: readonly Pending[]): Promise<void> {
    if (batch.length === 0) return;
    const why = await refusal([...accepted, ...batch]);
    if (why === undefined) return;
    const [only] = batch;
    if (batch.length === 1 && only) return void left.push({ name: only.name, why });
    const half = Math.ceil(batch.length / 2);
    await take(batch.slice(0, half));
    await take(batch.slice(half));
  }

  await take(meant);
  const brought = new Set(best.changes.map(({ name }) => name));
  for (const row of left.splice(0)) if (!brought.has(row.name)) left.push(row);
  return best;
}

const names = (changes: readonly Versions[]): string => listed(changes.map(({ name }) => name));

/** Whether the versions before can be had again. */
async function waysBack({ manager, kept }: Desk, changes: readonly Versions[]): Promise<boolean[]> {
  const before = changes.map(({ name, arch, from }) => ({ name, arch, version: from }));
  const asked = before.filter(({ version }) => version !== '');
  const [files, sizes] = await Promise.all([kept.find(asked), manager.obtainable(asked)]);
  const has = new Set(
    asked.filter((_, index) => files[index] !== undefined || sizes[index] !== undefined).map(keyOf),
  );
  return before.map((one) => one.version === '' || has.has(keyOf(one)));
}
