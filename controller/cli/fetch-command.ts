import { join } from 'node:path';
import { MIB } from '../../proto/limits.ts';
import type { FetchedHost, FetchView } from './content/fetch-view.ts';
import { dispatch } from './dispatch.ts';
import { EXIT } from './failure.ts';
import type { JobOptions } from './job-body.ts';
import { paintFor } from './output/paint.ts';
import { jsonLine, sanitiseLine } from './output/sanitise.ts';
import { createTextView } from './output/text-view.ts';
import { remotePath } from './remote-path.ts';
import { formatSize } from './size.ts';
import type { Surroundings } from './surroundings.ts';
import type { ShowJob } from './watch-job.ts';

export interface FetchOptions extends JobOptions {
  out?: string;
  maxSize?: number;
  force?: boolean;
}

const MAX_BYTES = 64 * MIB;
/** Reading changes nothing, so that a host may begin again after a crash. */
const SAFE_ATTEMPTS = 3;

/** A file or folder from each host, into a folder of the host's name. */
export async function fetchFiles(
  surroundings: Surroundings,
  from: string,
  options: FetchOptions,
): Promise<number> {
  const path = remotePath(from, 'the full path of the file or folder there');
  // What reads archives, for those who need it.
  const { createFetchView } = await import('./content/fetch-view.ts');
  const { stdout, stderr, env, random } = surroundings;
  const { out = '.', json = false } = options;
  const views: FetchView[] = [];
  let failures = 0;
  const view: ShowJob = (screen, names) => {
    const { finished } = createTextView({
      ...{ screen, names, tasks: [], folded: false },
      isTerminal: { stdout: stdout.isTerminal, stderr: stderr.isTerminal },
      paint: { stdout: paintFor(stdout.isTerminal, env), stderr: paintFor(stderr.isTerminal, env) },
    });
    const made = createFetchView(
      {
        into: out,
        force: options.force ?? false,
        random,
        note: (text) => screen.note(sanitiseLine(text)),
        fetched(host) {
          screen.out(json ? jsonLines(host) : line(host));
        },
        failed(name, why) {
          failures += 1;
          screen.note(`muster: nothing was fetched from ${sanitiseLine(name)}: ${sanitiseLine(why)}`);
        },
      },
      { finished },
    );
    views.push(made);
    return made;
  };
  const wanted = { attempts: SAFE_ATTEMPTS, ...options, maxOutput: options.maxSize ?? MAX_BYTES };
  const status = await dispatch(surroundings, wanted, async () => [{ collect: { path } }], view).finally(() =>
    Promise.all(views.map((one) => one.done())),
  );
  return failures > 0 && (status === EXIT.ok || status === EXIT.noAnswer) ? EXIT.failed : status;
}

function line({ name, folder, files }: FetchedHost): string {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const [first] = files;
  const what = files.length === 1 && first ? join(folder, first.path) : `${folder}, ${files.length} files`;
  return `${sanitiseLine(name)}: ${formatSize(bytes)} in ${sanitiseLine(what)}\n`;
}

function jsonLines({ name, folder, files }: FetchedHost): string {
  return files
    .map(
      ({ path, bytes, sha512 }) => `${jsonLine({ host: name, path: join(folder, path), bytes, sha512 })}\n`,
    )
    .join('');
}
