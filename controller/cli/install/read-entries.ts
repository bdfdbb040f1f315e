import type { HostEntry } from '../../installer/host.ts';
import { findInventory } from '../../installer/inventory/find.ts';
import { readHosts } from '../../installer/inventory/read-hosts.ts';
import type { Problem, Source } from '../../installer/inventory/source.ts';
import { EXIT, Failure, wrongUse } from '../failure.ts';
import { filesBelow, isFolder, readBytes } from '../files.ts';
import { sanitiseLine } from '../output/sanitise.ts';
import type { Surroundings } from '../surroundings.ts';
import { type Named, narrow } from './narrow.ts';
import type { Report } from './report.ts';
import type { InstallOptions } from './request.ts';

/** A list of 10,000 hosts with many variables. */
const INVENTORY_BYTES = 16 * 1024 * 1024;
const PROBLEMS_SHOWN = 20;

/**
 * The hosts that are meant: those of the arguments and inventories, or those of a report that are not done. Throws a Failure: wrong
 * use with every place that is wrong, or that nobody is left.
 */
export async function readEntries(
  surroundings: Surroundings,
  hosts: readonly string[],
  options: Pick<InstallOptions, 'inventory' | 'label' | 'limit'>,
  earlier?: Report,
): Promise<readonly HostEntry[]> {
  const { inventory = [], label = {}, limit } = options;
  if (hosts.length === 0 && inventory.length === 0 && !earlier)
    throw wrongUse('no host is named', 'name hosts, or a list of them: -i FILE');
  const { listed, refused, problems } =
    hosts.length === 0 && inventory.length === 0
      ? { listed: again(earlier, label), refused: [], problems: [] }
      : await readListed(surroundings, hosts, inventory, label);
  const done = new Set(earlier?.hosts.filter(({ state }) => state === 'done').map(({ host }) => host));
  const meant = narrow<HostEntry | Named>(
    [...listed.filter(({ written }) => !done.has(written)), ...refused],
    limit,
  );
  // What is wrong with hosts that are not meant keeps nobody from the others; of a number one cannot know who is meant.
  const wrong = new Set((/^\d+%?$/.test(limit ?? '') ? refused : meant).map(({ written }) => written));
  throwProblems(problems.filter(({ hosts: of = [] }) => of.some((host) => wrong.has(host))));
  const entries = meant.filter((one): one is HostEntry => 'from' in one);
  if (entries.length > 0) return entries;
  if (done.size > 0 && listed.every(({ written }) => done.has(written)))
    throw new Failure(EXIT.ok, 'all of them are done already');
  throw new Failure(EXIT.nobody, 'no host is meant', 'the list is empty, or --limit leaves nobody');
}

const again = (earlier: Report | undefined, label: Record<string, string>): HostEntry[] =>
  (earlier?.hosts ?? []).map(({ entry }) => ({ ...entry, labels: { ...entry.labels, ...label } }));

function throwProblems(problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const lines = problems.slice(0, PROBLEMS_SHOWN).map(({ from, message }) => `${from}: ${message}`);
  if (problems.length > lines.length) lines.push(`… and ${problems.length - lines.length} more`);
  throw wrongUse(lines.join('\n'), 'nothing was done; correct these first');
}

const FILES = {
  isFolder,
  filesBelow,
  readText: async (path: string) => Buffer.from(await readBytes(path, INVENTORY_BYTES)).toString(),
};

async function readListed(
  { stdin, stderr }: Surroundings,
  hosts: readonly string[],
  inventory: readonly string[],
  labels: Record<string, string>,
): Promise<{ listed: readonly HostEntry[]; refused: readonly Named[]; problems: readonly Problem[] }> {
  const sources: Source[] = hosts.map((text, index) => ({ kind: 'argument', text, position: index + 1 }));
  for (const path of inventory) {
    if (path !== '-') sources.push(await findInventory(path, FILES));
    else {
      const text = Buffer.from(await stdin.readAll(INVENTORY_BYTES)).toString();
      sources.push({ kind: 'file', path: 'standard input', text });
    }
  }
  const { entries, problems, notes } = readHosts(sources, labels);
  throwProblems(problems.some(({ hosts: of }) => of === undefined) ? problems : []);
  for (const note of notes) stderr.write(`muster: ${sanitiseLine(note)}\n`);
  const names = new Set(problems.flatMap(({ hosts: of = [] }) => of));
  const refused = [...names].map((written) => ({ written, name: undefined, host: written, labels: {} }));
  return { listed: entries, refused, problems };
}
