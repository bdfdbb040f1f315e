import type { RolloutBody } from '../../api/contract.ts';
import type { Client } from '../client.ts';
import { EXIT } from '../failure.ts';
import { paintFor } from '../output/paint.ts';
import { jsonLine } from '../output/sanitise.ts';
import type { Surroundings } from '../surroundings.ts';
import { withClient } from '../with-client.ts';
import { renderChecked } from './check-view.ts';
import type { RolloutOptions } from './flags.ts';
import { type LaunchOptions, launchRollout } from './launch.ts';

export type StartOptions = RolloutOptions & LaunchOptions;

/** How it would go, and nothing is started. */
export function check(surroundings: Surroundings, options: StartOptions): Promise<number> {
  return withRollout(surroundings, options, async (client, body, warnings) => {
    const found = await client.call('rollouts.check', { body });
    const checked = { ...found, warnings: [...warnings, ...found.warnings] };
    const { stdout, env } = surroundings;
    stdout.write(
      options.json
        ? `${jsonLine({ title: body.change.title, ...checked })}\n`
        : renderChecked(checked, body.change.title, paintFor(stdout.isTerminal, env)),
    );
    return EXIT.ok;
  });
}

/** Starts it, and shows it until it is at its end. */
export function start(surroundings: Surroundings, options: StartOptions): Promise<number> {
  return withRollout(surroundings, options, (client, body, warnings) =>
    launchRollout(surroundings, client, body, options, warnings),
  );
}

async function withRollout(
  surroundings: Surroundings,
  options: StartOptions,
  use: (client: Client, body: RolloutBody, warnings: string[]) => Promise<number>,
): Promise<number> {
  // What reads files is loaded where there is one to read.
  const { readRollout } = await import('./read-rollout.ts');
  const asked = await readRollout(surroundings, options);
  return withClient(surroundings, async (client) => {
    const { body, warnings } = await asked.body(client);
    try {
      return await use(client, body, warnings);
    } catch (error) {
      throw asked.placed(error);
    }
  });
}
