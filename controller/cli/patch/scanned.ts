import type { PackageScan } from '../../../proto/packages.ts';
import type { Answer } from './gather.ts';
import { compareNames } from './ranges.ts';

/** What waits on a host, or on several on which it is the same. */
export interface Scanned {
  readonly names: readonly string[];
  /** Updates that an upgrade would bring. */
  readonly pending: number;
  /** Of all that wait, what is held too: it is as open a door. */
  readonly security: number;
  readonly held: number;
  readonly rebootNeeded: boolean;
  readonly restarts: readonly string[];
  /** Since when the oldest of them waits; null: nothing does. */
  readonly sinceMs: number | null;
}

export interface WaitingPackage {
  readonly name: string;
  /** What it becomes. */
  readonly to: string;
  readonly security: boolean;
  readonly held: boolean;
  readonly sinceMs: number;
  readonly names: readonly string[];
}

export interface Totals {
  readonly hosts: number;
  readonly pending: number;
  readonly security: number;
  readonly held: number;
  /** Hosts with something that waits, that need a reboot, of which services want a restart, and with nothing of it all. */
  readonly waiting: number;
  readonly rebootNeeded: number;
  readonly restarts: number;
  readonly upToDate: number;
}

type Scans = Iterable<Answer<PackageScan>>;

function scannedHost({ name, answer }: Answer<PackageScan>): Scanned {
  const { pending, rebootNeeded, restarts } = answer;
  const held = pending.filter((update) => update.held).length;
  return {
    names: [name],
    pending: pending.length - held,
    security: pending.filter(({ security }) => security).length,
    ...{ held, rebootNeeded, restarts },
    sinceMs: pending.length === 0 ? null : Math.min(...pending.map(({ sinceMs }) => sinceMs)),
  };
}

/** A row for each host, the most urgent first. */
export function scannedHosts(scans: Scans): Scanned[] {
  return [...scans].map(scannedHost).sort(byUrgency);
}

/** A row for all hosts on which exactly the same waits, the most urgent first. */
export function scannedGroups(scans: Scans): Scanned[] {
  const groups = new Map<string, Scanned>();
  for (const scan of scans) {
    const { pending, rebootNeeded, restarts } = scan.answer;
    const waits = pending.map(({ sinceMs: _, ...update }) => JSON.stringify(update)).sort();
    const key = JSON.stringify([waits, rebootNeeded, [...restarts].sort()]);
    const [known, host] = [groups.get(key), scannedHost(scan)];
    groups.set(key, known ? together(known, host) : host);
  }
  return [...groups.values()].sort(byUrgency);
}

function together(group: Scanned, host: Scanned): Scanned {
  const since = [group.sinceMs, host.sinceMs].filter((ms) => ms !== null);
  const sinceMs = since.length === 0 ? null : Math.min(...since);
  return { ...group, names: [...group.names, ...host.names], sinceMs };
}

function byUrgency(a: Scanned, b: Scanned): number {
  return (
    b.security - a.security ||
    Number(b.rebootNeeded) - Number(a.rebootNeeded) ||
    b.pending + b.held - (a.pending + a.held) ||
    (a.sinceMs ?? Number.MAX_SAFE_INTEGER) - (b.sinceMs ?? Number.MAX_SAFE_INTEGER) ||
    b.restarts.length - a.restarts.length ||
    compareNames(a.names[0] ?? '', b.names[0] ?? '')
  );
}

export function isUpToDate({ sinceMs, rebootNeeded, restarts }: Scanned): boolean {
  return sinceMs === null && !rebootNeeded && restarts.length === 0;
}

/** The other way round: who waits for a package, security first, then what most hosts wait for. */
export function waitingPackages(scans: Scans): WaitingPackage[] {
  const packages = new Map<string, WaitingPackage>();
  for (const { name: host, answer } of scans)
    for (const { name, to, security, held, sinceMs } of answer.pending) {
      const key = JSON.stringify([name, to, security, held]);
      const known = packages.get(key) ?? { name, to, security, held, sinceMs, names: [] };
      // An architecture more is no host more.
      const names = known.names.at(-1) === host ? known.names : [...known.names, host];
      packages.set(key, { ...known, sinceMs: Math.min(known.sinceMs, sinceMs), names });
    }
  return [...packages.values()].sort(
    (a, b) =>
      Number(b.security) - Number(a.security) ||
      b.names.length - a.names.length ||
      compareNames(a.name, b.name),
  );
}

export function totalsOf(scans: Scans): Totals {
  const hosts = scannedHosts(scans);
  const sum = (of: (host: Scanned) => number): number => hosts.reduce((all, host) => all + of(host), 0);
  return {
    hosts: hosts.length,
    pending: sum(({ pending }) => pending),
    security: sum(({ security }) => security),
    held: sum(({ held }) => held),
    waiting: sum(({ sinceMs }) => Number(sinceMs !== null)),
    rebootNeeded: sum(({ rebootNeeded }) => Number(rebootNeeded)),
    restarts: sum(({ restarts }) => Number(restarts.length > 0)),
    upToDate: sum((host) => Number(isUpToDate(host))),
  };
}
