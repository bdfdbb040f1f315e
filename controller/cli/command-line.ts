import { EXIT, explain } from './failure.ts';
import { wantsColour } from './output/paint.ts';
import type { Surroundings } from './surroundings.ts';
import { understand } from './tree/program.ts';

/** `muster` with these arguments; returns the exit status. Never throws. */
export async function commandLine(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const { stdout, stderr, closed, env } = surroundings;
  try {
    const action = understand(argv, {
      write: (text) => stdout.write(text),
      writeError: (text) => stderr.write(text),
      columns: stdout.columns(),
      colour: wantsColour(stdout.isTerminal, env),
    });
    return action === undefined ? EXIT.ok : await action(surroundings);
  } catch (error) {
    if (closed.aborted) return EXIT.closed;
    const { message, next, exit, cause } = explain(error);
    const { sanitise } = await import('./output/sanitise.ts');
    stderr.write(`muster: ${sanitise(message)}\n`);
    if (next !== undefined) stderr.write(`  ${sanitise(next)}\n`);
    if (env.MUSTER_DEBUG && cause instanceof Error) stderr.write(`${sanitise(cause.stack ?? '')}\n`);
    return exit;
  }
}
