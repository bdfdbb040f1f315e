/** How a controller that was started by hand becomes the service's: copied, and its old home moved aside when the service is ready. */
import { giveToUser, must } from './commands.ts';
import { PLACES } from './layout.ts';
import type { Machine } from './machine.ts';

const DATABASE = 'muster.db';

const ownNames = (machine: Machine, home: string): string[] =>
  machine.names(home).filter((name) => !/^lock\.db/.test(name));

/**
 * No controller starts on the old home meanwhile, nor on half a copy: the database comes last. Until the old home is out of the way its
 * path is kept, so that there are not two controllers of one fleet after a process that was killed.
 */
export async function takeOver(from: string, machine: Machine): Promise<void> {
  machine.write(PLACES.takingOver, from, 0o600);
  machine.remove(PLACES.staging);
  machine.makeFolder(PLACES.staging, 0o700);
  const names = ownNames(machine, from);
  for (const name of names) await must(machine, ['cp', '-a', '--', `${from}/${name}`, `${PLACES.staging}/`]);
  await must(machine, ['sync', '-f', PLACES.staging]);
  for (const name of [...names.filter((name) => name !== DATABASE), DATABASE]) {
    machine.remove(`${PLACES.home}/${name}`);
    await must(machine, ['mv', '-T', '--', `${PLACES.staging}/${name}`, `${PLACES.home}/${name}`]);
  }
  machine.remove(PLACES.staging);
  await giveToUser(machine);
}

export function giveUpTakeOver(from: string, machine: Machine): void {
  // First of all, so that what is left of it is no controller.
  for (const name of [DATABASE, ...ownNames(machine, from)]) machine.remove(`${PLACES.home}/${name}`);
  machine.remove(PLACES.staging);
  machine.remove(PLACES.takingOver);
}

/**
 * What stays in its place is the context of who used it, who so still reaches the same controller. Returns where it is; null: it was moved
 * before, by one that was cut off.
 */
export async function putAside(from: string, aside: string, machine: Machine): Promise<string | null> {
  const next = `${from}.new`;
  const moves = machine.schemaOf(from) !== undefined;
  if (moves) {
    machine.remove(next);
    machine.makeFolder(next, 0o700);
    await must(machine, ['chown', `--reference=${from}`, '--', next]);
    const context = `${from}/context.json`;
    if (machine.kind(context) === 'file') await must(machine, ['cp', '-a', '--', context, `${next}/`]);
    await must(machine, ['mv', '-T', '--', from, aside]);
  }
  if (machine.kind(next) !== undefined) await must(machine, ['mv', '-T', '--', next, from]);
  machine.remove(PLACES.staging);
  machine.remove(PLACES.takingOver);
  return moves ? aside : null;
}

export async function takeBack(from: string, aside: string, machine: Machine): Promise<void> {
  machine.remove(`${from}.new`);
  if (machine.kind(aside) === undefined) return;
  machine.remove(from);
  await must(machine, ['mv', '-T', '--', aside, from]);
}
