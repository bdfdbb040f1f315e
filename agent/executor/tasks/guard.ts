import { lstat } from 'node:fs/promises';
import type { Guard } from '../run.ts';
import type { StepContext, StepResult } from '../step.ts';
import { codeOf, explain, shown } from './refusal.ts';

/**
 * Whether there is nothing to do: what `creates` names is there, or the line of `unless` exits with 0. Any other end of
 * that line means that there is, if it was seen; its output is nobody's. Both are asked in a check too.
 */
export async function guardHolds(guard: Guard, context: StepContext): Promise<boolean | StepResult> {
  if (guard.creates !== '' && (await isThere(guard.creates)))
    return skipped(`${shown(guard.creates)} exists`);
  if (guard.unless === '') return false;
  const argv = ['/bin/sh', '-c', '--', guard.unless];
  const ending = await context.command('unless', { argv, take: () => {} });
  if (ending.kind === 'not-started' || ending.kind === 'unknown')
    return { state: 'failed', reason: `guard: ${ending.reason}` };
  const holds = ending.kind === 'exited' && ending.exitCode === 0;
  return holds ? skipped('the unless command exited with 0') : false;
}

function skipped(why: string): StepResult {
  return { state: 'succeeded', change: 'unchanged', reason: `guard: ${why}` };
}

/** A link counts as there, wherever it leads. */
async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT' || codeOf(cause) === 'ENOTDIR') return false;
    throw new Error(`guard: ${shown(path)}: ${explain(cause)}`, { cause });
  }
}
