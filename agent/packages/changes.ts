/** What changes packages: apply, revert, ensure, hold and unhold. */
import { MusterError } from '../../proto/errors.ts';
import type { Versions } from '../../proto/packages.ts';
import { changeLine, listed, placeOf } from './compare.ts';
import { type Desk, mend, type PackagesResult, UNCHANGED, WOULD_CHANGE, waitForLock } from './desk.ts';
import { type Simulation, Unsolvable, type Wish } from './manager.ts';
import { keepOld, withOld } from './old-versions.ts';
import { carryOut, simulateExactly, takeUp } from './transaction.ts';

/** Everything at `from` is brought to `to`; what is there already is left; a host that is anything else is not touched. */
export async function apply(desk: Desk): Promise<PackagesResult> {
  const taken = await takeUp(desk);
  if (taken) return taken;
  const changes = transactionOf(desk);
  await waitForLock(desk);
  if (await isAll(desk, changes, 'to')) return UNCHANGED;
  if (!desk.isCheck) await mend(desk);
  await mustBeAt(desk, changes, 'from');
  await mustNotBeHeld(desk, changes);
  if (desk.isCheck) return would(desk, (await simulateExactly(desk, changes, changes)).changes);
  const old = changes.filter(({ from }) => from !== '');
  await keepOld(
    desk,
    old.map(({ name, arch, from }) => ({ name, arch, version: from })),
  );
  const came = changes.filter(({ from }) => from === '').map(({ name }) => name);
  return carryOut(desk, changes, changes, came);
}

/** Everything that apply brought to `to`, or began to, is brought back to `from`. */
export async function revert(desk: Desk): Promise<PackagesResult> {
  const taken = await takeUp(desk);
  if (taken) return taken;
  const back = transactionOf(desk).map(({ name, arch, from, to }) => ({ name, arch, from: to, to: from }));
  await waitForLock(desk);
  if (desk.manager.isMendedToGoBack && !desk.isCheck) await mend(desk);
  const places = await placesOf(desk, back);
  const off = places.flatMap(({ change, place }) =>
    place.is === 'elsewhere' ? [`${change.name} is ${place.has}`] : [],
  );
  if (off.length > 0) throw new MusterError('drifted', listed(off));
  const open = places.filter(({ place }) => place.is !== 'to');
  if (open.length === 0) return UNCHANGED;
  const wanted = await withOld(
    desk,
    open.map(({ change }) => change),
  );
  // One that has its version and is not set up moves to no other.
  const moved = open
    .filter(({ place }) => !(place.is === 'between' && place.at === 'to'))
    .map(({ change }) => change);
  await mustNotBeHeld(desk, moved);
  if (desk.isCheck) return would(desk, (await simulateExactly(desk, wanted, moved)).changes);
  return carryOut(desk, wanted, moved, []);
}

/** Throws MusterError('drifted') for a transaction of another manager. */
function transactionOf({ task, manager }: Desk): readonly Versions[] {
  const { transaction } = task;
  if (transaction?.manager !== manager.name)
    throw new MusterError('drifted', `this is for ${transaction?.manager}, and the host has ${manager.name}`);
  return transaction.changes;
}

async function placesOf({ manager }: Desk, changes: readonly Versions[]) {
  const installed = await manager.installed([...new Set(changes.map(({ name }) => name))]);
  return changes.map((change) => ({ change, place: placeOf(change, installed) }));
}

async function isAll(desk: Desk, changes: readonly Versions[], side: 'from' | 'to'): Promise<boolean> {
  return (await placesOf(desk, changes)).every(({ place }) => place.is === side);
}

async function mustBeAt(desk: Desk, changes: readonly Versions[], side: 'from'): Promise<void> {
  const off = (await placesOf(desk, changes)).flatMap(({ change, place }) => {
    if (place.is === side) return [];
    if (place.is === 'elsewhere') return [`${change.name} is ${place.has}, not ${change[side] || 'absent'}`];
    return [
      place.is === 'between' ? `${change.name} is not set up` : `${change.name} is at ${change.to} already`,
    ];
  });
  if (off.length > 0) throw new MusterError('drifted', listed(off));
}

async function mustNotBeHeld({ manager }: Desk, changes: readonly Versions[]): Promise<void> {
  const held = new Set(await manager.held());
  const names = changes.map(({ name }) => name).filter((name) => held.has(name));
  if (names.length > 0) throw new MusterError('drifted', `held: ${listed(names)}`);
}

function would(desk: Desk, changes: readonly Versions[]): PackagesResult {
  for (const change of changes) desk.host.say(`would change: ${changeLine(change)}`);
  return changes.length === 0 ? UNCHANGED : WOULD_CHANGE;
}

/** Brings names to what they are to be, with what they need; removes nothing that is not named. */
export async function ensure(desk: Desk): Promise<PackagesResult> {
  const taken = await takeUp(desk);
  if (taken) return taken;
  const { task } = desk;
  await waitForLock(desk);
  const wish = await wishOf(desk);
  if (!wish) return UNCHANGED;
  if (!desk.isCheck) await mend(desk);
  const { changes } = await simulateFresh(desk, wish);
  if (changes.length === 0) return UNCHANGED;
  const gone = changes.filter(
    ({ name, to }) => to === '' && !(task.state === 'absent' && task.names.includes(name)),
  );
  if (gone.length > 0)
    throw new Error(
      `it would remove ${listed(gone.map(({ name }) => name))} as well; name that, if it is meant`,
    );
  await mustNotBeHeld(desk, changes);
  if (desk.isCheck) return would(desk, changes);
  const came = changes.filter(({ name, from }) => from === '' && !task.names.includes(name));
  return carryOut(
    desk,
    changes,
    changes,
    came.map(({ name }) => name),
  );
}

/** Undefined where there is nothing to do. */
async function wishOf({ manager, task }: Desk): Promise<Wish | undefined> {
  const { names, state, version } = task;
  const installed = await manager.installed(names);
  const [name = ''] = names;
  if (state === 'absent') {
    const there = names.filter((one) => installed.some((found) => found.name === one));
    return there.length === 0 ? undefined : { kind: 'remove', names: there };
  }
  if (state === 'latest') return { kind: 'latest', names };
  if (version !== '') {
    const isThere = installed.some(
      (found) => found.name === name && found.version === version && found.isWhole,
    );
    return isThere ? undefined : { kind: 'version', name, version };
  }
  const missing = names.filter((one) => !installed.some((found) => found.name === one && found.isWhole));
  return missing.length === 0 ? undefined : { kind: 'install', names: missing };
}

/** The newest of something is known by lists of now; anything else only where those that are there do not say. */
async function simulateFresh({ manager, task }: Desk, wish: Wish): Promise<Simulation> {
  if (task.state === 'latest') await manager.refresh();
  try {
    return await manager.simulate(wish);
  } catch (cause) {
    if (!(cause instanceof Unsolvable) || task.state !== 'present') throw cause;
    await manager.refresh();
    return manager.simulate(wish);
  }
}

export async function setHeld(desk: Desk, isHeld: boolean): Promise<PackagesResult> {
  const { manager, task, host } = desk;
  await waitForLock(desk);
  const held = new Set(await manager.held());
  const names = task.names.filter((name) => held.has(name) !== isHeld);
  if (names.length === 0) return UNCHANGED;
  if (desk.isCheck) {
    for (const name of names) host.say(`would ${isHeld ? 'hold' : 'let go'} ${name}`);
    return WOULD_CHANGE;
  }
  await (isHeld ? manager.hold(names) : manager.unhold(names));
  for (const name of names) host.say(`${name} is ${isHeld ? 'held' : 'held no more'}`);
  return { state: 'succeeded', change: 'changed' };
}
