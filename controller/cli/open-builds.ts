import type { Builds } from '../installer/build.ts';
import { buildsFolder, createBuilds } from '../installer/builds/builds.ts';
import { sanitiseLine } from './output/sanitise.ts';
import type { Surroundings } from './surroundings.ts';

/**
 * The builds of this program's agent; to be closed. `archives`: what --runtime names. What takes a while is told on standard error, by
 * `note` where somebody else draws there.
 */
export function openBuilds(
  surroundings: Surroundings,
  archives: readonly string[] = [],
  note = (sentence: string): void => surroundings.stderr.write(`muster: ${sanitiseLine(sentence)}\n`),
): Builds {
  const { env, clock } = surroundings;
  return createBuilds({
    folder: buildsFolder(surroundings),
    archives,
    env,
    node: { path: process.execPath, version: process.version },
    note,
    clock,
  });
}
