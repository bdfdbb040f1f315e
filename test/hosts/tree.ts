import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const MAKER = join(import.meta.dirname, 'make-tree');

/** Where make-tree puts it, outside of the checkout; another script, another tree. */
export function treePath(): string {
  const made = createHash('sha512').update(readFileSync(MAKER)).digest('hex').slice(0, 16);
  return join(process.env.MUSTER_TEST_TREES ?? '/var/cache/muster-test', `debian-${made}`);
}
