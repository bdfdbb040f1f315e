/** Carries out one exact transaction, and says truthfully what became of it. */
import { MusterError } from '../../proto/errors.ts';
import type { Versions } from '../../proto/packages.ts';
import { changeLine, difference, listed, placeOf } from './compare.ts';
import { type Desk, type PackagesResult, waitForLock } from './desk.ts';
import type { Ended } from './host.ts';
import { type Simulation, Unsolvable, type Wanted } from './manager.ts';
import { SPARE_BYTES } from './old-versions.ts';

const CHANGE = 'change';
const ARCHIVES = '/var/cache';
const PROGRAMS = '/usr';

/** What an agent after this one has to know of a change that it takes up. */
interface Doing {
  readonly changes: readonly Versions[];
  /** There only because others need them, before and so afterwards. */
  readonly automatic: readonly string[];
}

const NOTES = 'doing.json';
/** A note is of no use once its run is over, which nobody here is told of; so the newest are kept. */
const MOST_NOTES = 32;

async function readNotes({ disk }: Desk): Promise<Record<string, Doing>> {
  return JSON.parse((await disk.readText(NOTES)) ?? '{}') as Record<string, Doing>;
}

async function note(desk: Desk, doing: Doing): Promise<void> {
  const others = Object.entries(await readNotes(desk).catch(() => ({}))).filter(([key]) => key !== desk.key);
  const notes = Object.fromEntries([...others, [desk.key, doing]].slice(-MOST_NOTES));
  await desk.disk.writeText(NOTES, JSON.stringify(notes));
}

/** What an agent before this one began of this very task, seen to its end; undefined where it began nothing. */
export async function takeUp(desk: Desk): Promise<PackagesResult | undefined> {
  if (desk.isCheck) return undefined;
  const end = await desk.host.takeUp(CHANGE);
  if (!end) return undefined;
  const doing = (await readNotes(desk).catch((): Record<string, Doing> => ({})))[desk.key];
  if (!doing)
    return { state: 'interrupted', reason: 'what this change was to come to is not known any more' };
  return conclude(desk, doing, end);
}

/**
 * Everything that can be known to be wrong is found before the first change. `also` are packages that come newly and were not asked
 * for by name. Throws MusterError drifted, disk-reserve, packages-locked, and Errors that say why; nothing was changed then.
 */
export async function carryOut(
  desk: Desk,
  wanted: readonly Wanted[],
  expected: readonly Versions[],
  also: readonly string[],
): Promise<PackagesResult> {
  const { host, manager, task } = desk;
  const room = await simulateExactly(desk, wanted, expected);
  await checkRoom(desk, room);
  await download(desk, wanted);
  await waitForLock(desk);
  const upgraded = wanted.filter(({ from, to }) => from !== '' && to !== '').map(({ name }) => name);
  const automatic = [...((await manager.automatic?.list(upgraded)) ?? []), ...also];
  const doing: Doing = {
    changes: wanted.map(({ name, arch, from, to }) => ({ name, arch, from, to })),
    automatic,
  };
  await note(desk, doing);
  host.signal.throwIfAborted();
  for (const change of expected) host.say(changeLine(change));
  const configFiles = task.configFiles === 'replace' ? 'replace' : 'keep';
  const end = await host.runOnce(
    CHANGE,
    manager.changeCommand(wanted, { configFiles, lockWaitMs: task.lockWaitMs }),
  );
  return conclude(desk, doing, end);
}

/** Throws MusterError('drifted'). */
export async function simulateExactly(
  { manager, isCheck }: Desk,
  wanted: readonly Wanted[],
  expected: readonly Versions[],
): Promise<Simulation> {
  const simulate = () => manager.simulate({ kind: 'exact', changes: wanted });
  let found: Simulation;
  try {
    found = await simulate().catch(async (cause) => {
      if (!(cause instanceof Unsolvable) || isCheck) throw cause;
      // Its lists may be older than the plan.
      await manager.refresh();
      return simulate();
    });
  } catch (cause) {
    if (cause instanceof Unsolvable) throw new MusterError('drifted', cause.message);
    throw cause;
  }
  const why = difference(expected, found.changes);
  if (why !== undefined) throw new MusterError('drifted', why);
  return found;
}

async function checkRoom({ host }: Desk, { downloadBytes, diskBytes }: Simulation): Promise<void> {
  for (const [path, bytes] of [
    [ARCHIVES, downloadBytes],
    [PROGRAMS, diskBytes],
  ] as const)
    if (bytes > 0 && (await host.files.freeBytes(path)) < bytes + SPARE_BYTES)
      throw new MusterError('disk-reserve', `${bytes} bytes are to go below ${path}; nothing was changed`);
}

async function download({ manager }: Desk, wanted: readonly Wanted[]): Promise<void> {
  if (wanted.every(({ to, file }) => to === '' || file !== undefined)) return;
  await manager.download(wanted);
}

async function conclude(desk: Desk, { changes, automatic }: Doing, end: Ended): Promise<PackagesResult> {
  const { host, manager } = desk;
  if (end.isUnknown)
    return {
      state: 'interrupted',
      reason: `what ${manager.name} came to is unknown: ${end.reason ?? 'its end was not seen'}`,
    };
  host.signal.throwIfAborted();
  const installed = await manager.installed([...new Set(changes.map(({ name }) => name))]);
  const places = changes.map((change) => ({ change, place: placeOf(change, installed) }));
  const isDone = places.every(({ place }) => place.is === 'to');
  const remain = new Set(installed.map(({ name }) => name));
  const marked = automatic.filter((name) => remain.has(name));
  if (marked.length > 0) await manager.automatic?.mark(marked);
  if (end.exitCode === 0 && isDone) return { state: 'succeeded', change: 'changed' };
  const why =
    manager.failureOf(end.said) ??
    (end.exitCode === 0
      ? 'not all versions are as ordered'
      : `${manager.name} ${end.reason ?? `exited with ${end.exitCode}`}`);
  const off = places.flatMap(({ change: { name, from }, place }) => {
    if (place.is === 'to') return [];
    if (place.is === 'from') return [`${name} is still ${from === '' ? 'not installed' : `at ${from}`}`];
    return [place.is === 'elsewhere' ? `${name} is ${place.has}` : `${name} is not set up`];
  });
  const done = places.length - off.length;
  const state =
    off.length === 0
      ? 'all versions are as ordered'
      : `${done} of ${places.length} are as ordered; ${listed(off)}`;
  const isUntouched = places.every(({ place }) => place.is === 'from');
  return { state: 'failed', reason: `${why}; ${state}`, ...(isUntouched && { change: 'unchanged' }) };
}
