import type { PackageHistory, PackageHistoryEntry } from '../../../proto/packages.ts';
import type { JobOptions } from '../job-body.ts';
import { paintFor } from '../output/paint.ts';
import { jsonLine } from '../output/sanitise.ts';
import { renderTable } from '../output/table.ts';
import { formatTime } from '../output/time.ts';
import type { Surroundings } from '../surroundings.ts';
import { type Gathered, gather } from './gather.ts';
import { renderSilent, silentOf } from './outcomes.ts';

export interface HistoryOptions extends JobOptions {
  /** Entries of each host. */
  last?: number;
  all?: boolean;
}

const LAST = 5;
const NAMES = 3;

/** What was done to packages on the hosts that are meant, by whomever, as their package manager noted it. */
export async function history(surroundings: Surroundings, options: HistoryOptions): Promise<number> {
  const { readHistory } = await import('./answer-shape.ts');
  const gathered = await gather(surroundings, options, { action: 'history' }, readHistory);
  if (gathered.end !== null)
    surroundings.stdout.write(
      options.json ? historyJson(gathered, options) : historyText(surroundings, gathered, options),
    );
  return gathered.status;
}

function shown({ entries }: PackageHistory, { last, all }: HistoryOptions): readonly PackageHistoryEntry[] {
  return entries.slice(0, all ? entries.length : (last ?? LAST));
}

function historyJson(gathered: Gathered<PackageHistory>, options: HistoryOptions): string {
  const hosts = [...gathered.answers.values()].map(({ name: agent, agentId, answer }) => ({
    ...{ agent, agentId, manager: answer.manager },
    entries: shown(answer, { ...options, all: options.all ?? options.last === undefined }),
  }));
  return `${jsonLine({ job: gathered.end?.job ?? null, hosts, noAnswer: silentOf(gathered) })}\n`;
}

function historyText(
  { stdout, env }: Surroundings,
  gathered: Gathered<PackageHistory>,
  options: HistoryOptions,
): string {
  const paint = paintFor(stdout.isTerminal, env);
  const rows = [...gathered.answers.values()].flatMap(({ name, answer }) =>
    shown(answer, options).map((entry) => [
      name,
      formatTime(entry.atMs),
      changesText(entry, options.all ?? false),
      options.all ? entry.command : shortened(entry.command),
    ]),
  );
  const without = renderSilent(silentOf(gathered), gathered.end?.job ?? '', paint).map((line) => `${line}\n`);
  return [renderTable(['HOST', 'WHEN', 'PACKAGES', 'COMMAND'], rows, paint), ...without].join('');
}

const COMMAND_SHOWN = 60;
function shortened(command: string): string {
  const chars = [...command];
  return chars.length <= COMMAND_SHOWN ? command : `${chars.slice(0, COMMAND_SHOWN - 1).join('')}…`;
}

/** `nginx 1.22 → 1.24, libold gone and 12 more`. */
function changesText({ changes }: PackageHistoryEntry, all: boolean): string {
  const texts = changes.map(({ name, from, to }) => {
    if (from === '') return `${name} ${to} new`;
    return to === '' ? `${name} ${from} gone` : `${name} ${from} → ${to}`;
  });
  const more = texts.length - NAMES;
  return all || more <= 0 ? texts.join(', ') : `${texts.slice(0, NAMES).join(', ')} and ${more} more`;
}
