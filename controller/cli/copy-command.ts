import type { Client } from './client.ts';
import type { CopyTarget } from './content/copy-task.ts';
import { readSource } from './content/local-file.ts';
import { dispatch } from './dispatch.ts';
import { wrongUse } from './failure.ts';
import { defined, type JobOptions } from './job-body.ts';
import { wantsColour } from './output/paint.ts';
import { createScreen } from './output/screen.ts';
import { remotePath } from './remote-path.ts';
import { formatSize } from './size.ts';
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
      const progress = showProgress(surroundings, client);
      try {
        return [await copyTask(progress, source, from, target)];
      } finally {
        progress.stop();
      }
    };
  });
}

/** `sending 34 MiB of 1.2 GiB (12 MiB/s)`, at a terminal and while it takes long enough to be seen. */
function showProgress(surroundings: Surroundings, client: Client) {
  const { stdout, stderr, clock, random, env } = surroundings;
  const screen = createScreen({ stdout, stderr, clock, live: wantsColour(stderr.isTerminal, env) });
  const startedMs = clock.monotonicMs();
  let total = 0;
  let done = 0;
  screen.progress((columns) => {
    const seconds = Math.max(1, clock.monotonicMs() - startedMs) / 1000;
    const text = `sending ${formatSize(done)} of ${formatSize(total)} (${formatSize(Math.round(done / seconds))}/s)`;
    return total === 0 ? '' : text.slice(0, columns);
  });
  return {
    client,
    clock,
    random,
    begun(bytes: number) {
      total += bytes;
    },
    moved(bytes: number) {
      done += bytes;
    },
    stop: () => screen.stop(),
  };
}
