import { existsSync } from 'node:fs';
import { MusterError } from '../../proto/errors.ts';
import { readIdentity } from '../identity/file-store.ts';
import { emptyHome, homeAt } from '../identity/home.ts';
import { openJournal } from '../spool/open-journal.ts';
import type { Surroundings } from './surroundings.ts';

/** Forgets the fleet. Refused while an agent runs on this home. Returns the exit status; throws MusterError. */
export async function leave(
  folder: string,
  options: { readonly yes?: boolean },
  around: Surroundings,
): Promise<number> {
  const home = homeAt(folder);
  const identity = readIdentity(home);
  if (!identity && !existsSync(home.joining)) throw new MusterError('not-joined');
  if (!options.yes && !(await isSure(identity?.name ?? 'an agent that has not joined', around))) return 2;
  if (existsSync(home.journal)) {
    // Opening it is what shows that no agent runs.
    const journal = openJournal({
      file: home.journal,
      newEpoch: () => around.random(16),
      now: around.clock.now,
      onCorrupt: () => {},
    });
    journal.close();
  }
  emptyHome(home);
  if (identity)
    around.note(
      `muster-agent: left; the controller lists it until somebody runs "muster agents remove ${identity.name}"\n`,
    );
  return 0;
}

async function isSure(name: string, around: Surroundings): Promise<boolean> {
  if (!around.stdinIsTerminal) {
    around.note('muster-agent: leave asks first; use --yes where nobody can answer\n');
    return false;
  }
  const answer = await around.ask(
    `Forget the keys and the journal of ${name}? This cannot be undone. [y/N] `,
    false,
  );
  return /^y(es)?$/i.test(answer.trim());
}
