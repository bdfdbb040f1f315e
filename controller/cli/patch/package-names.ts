import { isPackageName } from '../../../proto/packages.ts';
import { wrongUse } from '../failure.ts';

/** Throws a Failure (wrong use) for what could be anything but a package's name to a package manager. */
export function checkNames(what: string, names: readonly string[]): void {
  const wrong = names.find((name) => !isPackageName(name));
  if (wrong !== undefined) throw wrongUse(`${what}: "${wrong}" cannot be the name of a package`);
}
