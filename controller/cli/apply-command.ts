import { dispatch } from './dispatch.ts';
import type { JobOptions } from './job-body.ts';
import type { Surroundings } from './surroundings.ts';

/** An ordered list of tasks from a file; what the options say wins over the file's defaults. */
export async function apply(
  surroundings: Surroundings,
  options: JobOptions & { file: string },
): Promise<number> {
  // zod and the YAML parser, for those who need them.
  const { readBundle } = await import('./bundle/read-bundle.ts');
  const { name, defaults, tasks } = await readBundle(surroundings, options.file);
  const { 'max-output': maxOutput, env, ...others } = defaults;
  const merged: JobOptions = {
    ...others,
    ...(maxOutput === undefined ? {} : { maxOutput }),
    ...options,
    ...(env === undefined ? {} : { env: { ...env, ...options.env } }),
    ...(name === undefined ? {} : { title: name }),
  };
  return dispatch(surroundings, merged, async () => tasks);
}
