/** Pure: reads what dnf-history(8) tells of transactions. */
import type { PackageHistoryEntry, Versions } from '../../../proto/packages.ts';
import { parseNevra } from '../rpm/nevra.ts';

/** Ids of transactions, the newest first. */
export function parseHistoryIds(list: string): string[] {
  return list.split('\n').flatMap((line) => /^ *(\d+) +\|/.exec(line)?.[1] ?? []);
}

/** Of several, each between lines of dashes; times are UTC. */
export function parseHistory(text: string): PackageHistoryEntry[] {
  return text.split(/^-{20,}$/m).flatMap((part) => {
    const begin = /^Begin time +: (.+)$/m.exec(part)?.[1];
    const atMs = Date.parse(`${begin} UTC`);
    if (begin === undefined || Number.isNaN(atMs)) return [];
    const command = /^Command Line +: (.*)$/m.exec(part)?.[1] ?? '';
    const altered = /^Packages Altered:\n((?: .*(?:\n|$))*)/m.exec(part)?.[1] ?? '';
    // Marks alone were set.
    if (/^ +Reason Change /m.test(altered) && changesOf(altered).length === 0) return [];
    return [{ atMs, changes: changesOf(altered), command: command === '' ? '' : `dnf ${command}` }];
  });
}

const COMES = /^(?:Install|Dep-Install|Upgrade|Downgrade|Reinstall)$/;
const GOES = /^(?:Upgraded|Downgraded|Reinstalled|Obsoleted|Removed|Erase)$/;

function changesOf(altered: string): Versions[] {
  const changes = new Map<string, Versions>();
  for (const line of altered.split('\n')) {
    // Two stars mark what failed: it was not changed.
    const [, action = '', nevra = ''] = /^ +(\S+) +(\S+)/.exec(line) ?? [];
    const one = parseNevra(nevra);
    if (one === undefined) continue;
    const { name, arch, version } = one;
    const before = changes.get(`${name} ${arch}`) ?? { name, arch, from: '', to: '' };
    if (COMES.test(action)) changes.set(`${name} ${arch}`, { ...before, to: version });
    else if (GOES.test(action)) changes.set(`${name} ${arch}`, { ...before, from: version });
  }
  return [...changes.values()].filter(({ from, to }) => from !== to);
}
