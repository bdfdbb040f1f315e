/** What the first start leaves for the operator on this machine: an admin, and the context that the command line uses. */
import { closeSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { MusterError } from '../proto/errors.ts';
import type { Operators } from './operators/engine.ts';

export interface LocalContext {
  url: string;
  ca: string;
  token: string;
}

const ADMIN = 'admin';

/**
 * Makes the first operator, or brings the context of this home up to the controller's address and authority. A context of
 * another controller is left alone.
 */
export async function prepareContext(
  operators: Operators,
  path: string,
  reached: Omit<LocalContext, 'token'>,
): Promise<void> {
  const context = readContext(path);
  if (context) {
    if (!(await operators.authenticate(context.token))) return;
    if (context.url !== reached.url || context.ca !== reached.ca)
      writeContext(path, { ...context, ...reached });
    return;
  }
  const known = await operators.list();
  if (known.some((operator) => operator.name === ADMIN && operator.state === 'active')) return;
  const { token } = await operators.add({ name: ADMIN, role: 'admin' }, { name: 'muster' });
  writeContext(path, { ...reached, token });
}

function readContext(path: string): LocalContext | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as LocalContext;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new MusterError('store-failed', `${path}: ${(error as Error).message}`, { cause: error });
  }
}

function writeContext(path: string, context: LocalContext): void {
  const temporary = `${path}.new`;
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeSync(file, `${JSON.stringify(context, null, 2)}\n`);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}
