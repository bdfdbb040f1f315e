import { dispatch } from '../dispatch.ts';
import type { JobOptions } from '../job-body.ts';
import type { Surroundings } from '../surroundings.ts';
import { checkNames } from './package-names.ts';

/** Keeps packages at their versions, or lets them go on. */
export function hold(
  surroundings: Surroundings,
  action: 'hold' | 'unhold',
  names: string[],
  options: JobOptions,
): Promise<number> {
  return dispatch(surroundings, options, async () => {
    checkNames('PACKAGE', names);
    return [{ packages: { action, names: [...new Set(names)] } }];
  });
}
