/** What the first start leaves for the operator on this machine: an admin, and the context that the command line uses. */
import { readFileSync } from 'node:fs';
import { MusterError } from '../proto/errors.ts';
import { writeDurably } from './fleet/files.ts';
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
 *
 * The token is on the disk before it is good for anything: a start that was cut off in between left a context of this
 * controller with a token that nobody has, and the next one makes the operator of it.
 */
export async function prepareContext(
  operators: Operators,
  path: string,
  reached: Omit<LocalContext, 'token'>,
): Promise<void> {
  const context = readContext(path);
  if (context === 'unreadable') return;
  if (context) {
    const ours = context.ca === reached.ca;
    if (ours && !(await hasAdmin(operators)) && (await operators.isFree(context.token)))
      await addAdmin(operators, context.token);
    if (!(await operators.authenticate(context.token))) return;
    if (context.url !== reached.url || context.ca !== reached.ca)
      writeContext(path, { ...context, ...reached });
    return;
  }
  if (await hasAdmin(operators)) return;
  const token = operators.newToken();
  writeContext(path, { ...reached, token });
  await addAdmin(operators, token);
}

async function hasAdmin(operators: Operators): Promise<boolean> {
  return (await operators.list()).some(({ name, state }) => name === ADMIN && state === 'active');
}

async function addAdmin(operators: Operators, token: string): Promise<void> {
  await operators.add({ name: ADMIN, role: 'admin' }, { name: 'muster' }, token);
}

/** `unreadable`: root's, of a login on the machine of a controller that is another user's. */
function readContext(path: string): LocalContext | 'unreadable' | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as LocalContext;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'EACCES') return 'unreadable';
    throw new MusterError('store-failed', `${path}: ${(error as Error).message}`, { cause: error });
  }
}

function writeContext(path: string, context: LocalContext): void {
  writeDurably(path, Buffer.from(`${JSON.stringify(context, null, 2)}\n`));
}
