import { join } from 'node:path';
import type { Surroundings } from './surroundings.ts';

/** Where the controller's state and the operator's context are. */
export function homeOf({
  env,
  isRoot,
  homeDirectory,
}: Pick<Surroundings, 'env' | 'isRoot' | 'homeDirectory'>): string {
  return env.MUSTER_HOME || (isRoot ? '/var/lib/muster' : join(homeDirectory, '.muster'));
}

/** The operator's own signing key, of this context. */
export function keyFileOf(surroundings: Pick<Surroundings, 'env' | 'isRoot' | 'homeDirectory'>): string {
  return join(homeOf(surroundings), 'operator-key.json');
}

export function contextFileOf(surroundings: Pick<Surroundings, 'env' | 'isRoot' | 'homeDirectory'>): string {
  return join(homeOf(surroundings), 'context.json');
}
