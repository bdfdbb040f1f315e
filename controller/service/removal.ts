import { ServiceFailure } from './failure.ts';
import { PLACES } from './layout.ts';
import type { Machine } from './machine.ts';
import type { Found } from './state.ts';
import { MADE_BY_US } from './unit.ts';

/**
 * Takes the service off a machine: everything but the state, with the keys of the fleet, which nobody but its owner deletes. Returns
 * what was done, in sentences; with `check` what would be. Nothing where nothing is there. Throws ServiceFailure.
 */
export async function removeService(
  machine: Machine,
  found: Found,
  { check }: { check: boolean },
): Promise<string[]> {
  if (found.unit !== undefined && !found.unit.startsWith(MADE_BY_US))
    throw new ServiceFailure(`${PLACES.unit} was not made by Muster, and stays`);
  const done: string[] = [];
  const act = async (sentence: string, action: () => unknown): Promise<void> => {
    if (!check) await action();
    done.push(sentence);
  };
  const systemctl = async (...words: string[]): Promise<void> => {
    const { status, stderr } = await machine.run(['systemctl', ...words]);
    if (status !== 0) throw new ServiceFailure(`systemctl ${words.join(' ')}: ${stderr.trim()}`);
  };
  if (found.unit !== undefined) {
    await act('stop and disable the service', () => systemctl('disable', '--quiet', '--now', PLACES.service));
    await act(`remove ${PLACES.unit}`, async () => {
      machine.remove(PLACES.unit);
      await systemctl('daemon-reload');
    });
  }
  if (found.settings.text !== undefined)
    await act(`remove ${found.settings.path}`, () => machine.remove(found.settings.path));
  if (typeof found.command === 'object' && found.command.target === PLACES.commandTarget)
    await act(`remove ${PLACES.command}`, () => machine.remove(PLACES.command));
  if (machine.kind(PLACES.program) !== undefined)
    await act(`remove ${PLACES.program}`, () => machine.remove(PLACES.program));
  return done;
}
