import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** One line that a command wrote outside of all of Muster's state: so often it did start. */
export interface Start {
  readonly job: string;
  readonly attempt: number;
  readonly agent: string;
}

/**
 * What a command says first, to be put before the rest of a shell line. Whose it is it cannot be told, since an order is the
 * same for all agents; but its parent works in a folder of its agent's home, `agent-NAME`.
 */
export const oracleLine = (file: string): string =>
  `echo "$MUSTER_JOB $MUSTER_ATTEMPT $(readlink /proc/$PPID/cwd)" >> ${file}; `;

export function readOracle(file: string): Start[] {
  if (!existsSync(file)) return [];
  const text = readFileSync(file, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [job = '', attempt = '', cwd = ''] = line.split(' ');
      return { job, attempt: Number(attempt), agent: agentOf(cwd) };
    });
}

function agentOf(folder: string): string {
  for (let at = folder; at !== dirname(at); at = dirname(at)) {
    const name = basename(at);
    if (name.startsWith('agent-')) return name.slice('agent-'.length);
  }
  throw new Error(`the command's parent works in no agent's home: ${JSON.stringify(folder)}`);
}
