import { quoted } from '../../targeting/problem.ts';
import type { HostEntry } from '../host.ts';
import type { Findings } from './findings.ts';

type Way = Pick<HostEntry, 'host' | 'port' | 'user' | 'sudo' | 'identityFiles' | 'proxyJump'>;

/**
 * Each host once. What is there twice and says the same becomes one with the labels of both; what says different things, or has one name for
 * two hosts, is a problem. Two entries may still be one machine: that shows only on it.
 */
export function mergeEntries(entries: readonly HostEntry[], findings: Findings): HostEntry[] {
  const byName = new Map<string, HostEntry>();
  const byWay = new Map<string, HostEntry>();
  for (const entry of entries) {
    const key = entry.name === undefined ? `address ${entry.written.toLowerCase()}` : `name ${entry.name}`;
    const same = byName.get(key);
    if (same) {
      const merged = merge(same, entry);
      if (typeof merged === 'string')
        findings.problem(
          entry.from,
          `${quoted(entry.written)} is at ${same.from} too, with another ${merged}`,
        );
      else {
        byName.set(key, merged);
        findings.note(entry.from, `named before, taken once: ${quoted(same.written)} of ${same.from}`);
      }
      continue;
    }
    byName.set(key, entry);
    const way = wayOf(entry);
    const other = byWay.get(way);
    if (other)
      findings.problem(
        entry.from,
        `${quoted(entry.written)} is reached as ${quoted(other.written)} of ${other.from} is: one machine, two names?`,
      );
    else byWay.set(way, entry);
  }
  return [...byName.values()];
}

/** Of two for one name; or what they differ in. What one does not say the other may. */
function merge(a: HostEntry, b: HostEntry): HostEntry | string {
  if (a.host.toLowerCase() !== b.host.toLowerCase()) return 'address';
  for (const [key, word] of DIFFERENCES) {
    const [left, right] = [partOf(a, key), partOf(b, key)];
    if (left !== undefined && right !== undefined && left !== right) return word;
  }
  const contradiction = Object.keys(b.labels).find(
    (key) => Object.hasOwn(a.labels, key) && a.labels[key] !== b.labels[key],
  );
  if (contradiction !== undefined) return `value of the label ${quoted(contradiction)}`;
  return {
    ...a,
    port: a.port ?? b.port,
    user: a.user ?? b.user,
    sudo: a.sudo ?? b.sudo,
    proxyJump: a.proxyJump ?? b.proxyJump,
    identityFiles: a.identityFiles.length > 0 ? a.identityFiles : b.identityFiles,
    labels: { ...a.labels, ...b.labels },
  };
}

const DIFFERENCES: readonly (readonly [Exclude<keyof Way, 'host'>, string])[] = [
  ['port', 'port'],
  ['user', 'user'],
  ['sudo', 'choice of sudo'],
  ['proxyJump', 'jump'],
  ['identityFiles', 'key'],
];

function partOf(entry: HostEntry, key: Exclude<keyof Way, 'host'>): string | undefined {
  const value = entry[key];
  if (value === undefined) return undefined;
  if (typeof value !== 'object') return String(value);
  return key === 'identityFiles' && value.length === 0 ? undefined : value.join(',');
}

/** Two hosts behind different jumps may have the same address. */
const wayOf = ({ host, port, user, proxyJump }: HostEntry): string =>
  JSON.stringify([host.toLowerCase().replace(/\.$/, ''), port ?? 22, user ?? '', proxyJump ?? []]);
