import type { CopyTarget } from './content/copy-task.ts';
import { readSource } from './content/local-file.ts';
import { showUploads } from './content/upload-progress.ts';
import { dispatch } from './dispatch.ts';
import { wrongUse } from './failure.ts';
import { defined, type JobOptions } from './job-body.ts';
import { remotePath } from './remote-path.ts';
import type { Surroundings } from './surroundings.ts';

export interface CopyOptions extends JobOptions {
  owner?: string;
  group?: string;
  mode?: number;
}

/** What is there already is left alone, so that a host may begin again after a crash. */
const SAFE_ATTEMPTS = 3;

/** A file or a folder to the same path on each host; nothing is sent where it is there already. */
export function copy(
  surroundings: Surroundings,
  from: string,
  to: string,
  options: CopyOptions,
): Promise<number> {
  return dispatch(surroundings, { attempts: SAFE_ATTEMPTS, ...options }, async () => {
    // What seals and encodes, for those who need it.
    const { copyTask } = await import('./content/copy-task.ts');
    const { owner, group, mode } = options;
    const target: CopyTarget = {
      path: remotePath(to, 'the full path that it gets there, with its name'),
      ...defined({ owner, group, mode }),
    };
    const source = await readSource(from);
    if (source.kind === 'tree' && mode !== undefined)
      throw wrongUse('--mode is for one file', 'those of a folder keep their own');
    return async (client) => {
      const progress = showUploads(surroundings, client);
      try {
        return [await copyTask(progress, source, from, target)];
      } finally {
        progress.stop();
      }
    };
  });
}
