import type { Config } from '../config.ts';
import { createLog } from '../log.ts';
import { runAgent } from '../run.ts';
import { installedBy } from '../upgrade/installed.ts';
import type { Surroundings } from './surroundings.ts';

/** Runs the agent in the foreground until it is asked to stop. Returns the exit status; throws MusterError. */
export async function run(config: Config, around: Surroundings): Promise<number> {
  const log = createLog(config.logLevel);
  const { promise: asked, resolve: stop } = Promise.withResolvers<void>();
  around.onStop(stop);
  const agent = await runAgent(config, log, installedBy(around.env));
  await Promise.race([asked, agent.removed, agent.replaced]);
  log.info({}, 'agent stops');
  await agent.stop();
  return 0;
}
