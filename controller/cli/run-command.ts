import { dispatch } from './dispatch.ts';
import { commandTask, type JobOptions, scriptTask, stdinFor } from './job-body.ts';
import type { Surroundings } from './surroundings.ts';

export function run(
  surroundings: Surroundings,
  argv: string[],
  options: JobOptions & { shell?: string },
): Promise<number> {
  return dispatch(surroundings, options, async () => [
    commandTask(argv, options.shell, await stdinFor(surroundings, options)),
  ]);
}

export function script(
  surroundings: Surroundings,
  file: string,
  args: string[],
  options: JobOptions,
): Promise<number> {
  return dispatch(surroundings, options, async () => [
    await scriptTask(surroundings, file, args, await stdinFor(surroundings, options)),
  ]);
}
