import { ERRORS, MusterError } from '../../proto/errors.ts';
import { readConfig } from '../config.ts';
import type { Surroundings } from './surroundings.ts';

/** `muster-agent` with these arguments; returns the exit status. Never throws. */
export async function commandLine(argv: readonly string[], around: Surroundings): Promise<number> {
  try {
    // The service's way to start it, all day long: without commander in memory.
    if (argv.length === 1 && argv[0] === 'run')
      return await (await import('./run.ts')).run(readConfig({}, around.env), around);
    const { understand, WrongUse } = await import('./program.ts');
    try {
      const action = understand(argv, around);
      return action ? await action() : 0;
    } catch (cause) {
      if (cause instanceof WrongUse) return 2;
      throw cause;
    }
  } catch (cause) {
    around.note(`muster-agent: ${printable(cause instanceof Error ? cause.message : String(cause))}\n`);
    return cause instanceof MusterError ? ERRORS[cause.code].exit : 1;
  }
}

/** What a controller says in a refusal must not steer this terminal. */
function printable(text: string): string {
  return text.replaceAll(/[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g, '?');
}
