import { isPlainPath } from '../../proto/validate-order.ts';
import { wrongUse } from './failure.ts';

/** A path on the hosts, as an order may name it. Throws a Failure (wrong use); `expected` says what it is to be. */
export function remotePath(path: string, expected: string): string {
  if (!path.startsWith('/')) throw wrongUse(`"${path}" does not begin with "/"`, `expected ${expected}`);
  if (path !== '/' && path.endsWith('/')) throw wrongUse(`"${path}" ends with "/"`, `expected ${expected}`);
  if (!isPlainPath(path))
    throw wrongUse(`"${path}" is no plain path`, 'write it without "//", "." and "..", and without NUL');
  return path;
}
