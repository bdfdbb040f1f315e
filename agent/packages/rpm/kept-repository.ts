import type { Answer, Host } from '../host.ts';
import { ARCHIVE_FORMAT, parseArchives, primaryXml, repomdXml } from './repository.ts';

/** The id of the repository of kept archives, as dnf's and zypper's history show it. */
export const KEPT_REPOSITORY = 'muster-kept';

/** Written beside the archives under a name of its own first: a list that is cut off is none. */
const WRITE = 'umask 022 && mkdir -p "$1" && cat >"$1/$2.new" && mv "$1/$2.new" "$1/$2"';

/** The folder that keptRepository makes a repository of; undefined where no archive is kept. */
export function folderOf(files: readonly string[]): string | undefined {
  const [first] = files;
  return first?.slice(0, first.lastIndexOf('/'));
}

/** Makes a repository of these archives, in the folder of the first. Throws an Error that says what stands in the way. */
export async function keptRepository(host: Host, files: readonly string[]): Promise<void> {
  const folder = folderOf(files);
  if (folder === undefined) return;
  const described = await asked(host, [
    'rpm',
    '-qp',
    '--nosignature',
    '--queryformat',
    ARCHIVE_FORMAT,
    ...files,
  ]);
  const sums = (await asked(host, ['sha256sum', ...files])).split('\n').map((line) => line.slice(0, 64));
  const archives = parseArchives(described);
  if (archives.length !== files.length) throw new Error('rpm does not describe each of the kept archives');
  const kept = await Promise.all(
    files.map(async (path, at) => {
      const archive = archives[at];
      const sha256 = sums[at] ?? '';
      const bytes = await host.files.size(path);
      if (archive === undefined || bytes === undefined || !/^[0-9a-f]{64}$/.test(sha256))
        throw new Error(`the kept archive ${path} cannot be read`);
      return { ...archive, path, sha256, bytes };
    }),
  );
  const primary = primaryXml(kept);
  const sha256 = (await asked(host, ['sha256sum'], primary)).slice(0, 64);
  const write = (name: string, text: string) =>
    asked(host, ['/bin/sh', '-c', WRITE, 'sh', `${folder}/repodata`, name], text);
  await write('primary.xml', primary);
  await write('repomd.xml', repomdXml(sha256, Buffer.byteLength(primary), sha256));
}

async function asked(host: Host, argv: readonly string[], stdin?: string): Promise<string> {
  const answer: Answer = await host.ask(stdin === undefined ? { argv } : { argv, stdin });
  if (answer.exitCode !== 0)
    throw new Error(`${argv[0]} exited with ${answer.exitCode}: ${answer.stderr.trim().slice(0, 500)}`);
  return answer.stdout;
}
