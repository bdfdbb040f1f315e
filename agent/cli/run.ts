import type { Config } from '../config.ts';
import { createLog } from '../log.ts';
import { runAgent } from '../run.ts';
import { installedBy } from '../upgrade/installed.ts';
import type { Surroundings } from './surroundings.ts';

/** Less than service managers give, so that a version that is to be replaced makes way where nobody ends it. */
const END_MS = 10_000;

/** Runs the agent in the foreground until it is asked to stop. Returns the exit status; throws MusterError. */
export async function run(config: Config, around: Surroundings): Promise<number> {
  const log = createLog(config.logLevel);
  const { promise: asked, resolve: stop } = Promise.withResolvers<void>();
  around.onStop(stop);
  const agent = await runAgent(config, log, installedBy(around.env));
  await Promise.race([asked, agent.removed, agent.replaced]);
  log.info({}, 'agent stops');
  around.endWithin(END_MS);
  await agent.stop();
  return 0;
}
