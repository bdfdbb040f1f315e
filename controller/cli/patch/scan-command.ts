import type { PackageScan } from '../../../proto/packages.ts';
import type { JobOptions } from '../job-body.ts';
import { paintFor } from '../output/paint.ts';
import { jsonLine } from '../output/sanitise.ts';
import type { Surroundings } from '../surroundings.ts';
import { type Gathered, gather } from './gather.ts';
import { renderSilent, silentOf } from './outcomes.ts';
import { ROWS, renderPackages, renderScanned, renderTotals } from './scan-text.ts';
import { scannedGroups, scannedHosts, totalsOf, waitingPackages } from './scanned.ts';

export interface ScanOptions extends JobOptions {
  hosts?: boolean;
  packages?: boolean;
  all?: boolean;
}

/** What waits on the hosts that are meant. */
export async function scan(surroundings: Surroundings, options: ScanOptions): Promise<number> {
  const { readScan } = await import('./answer-shape.ts');
  const gathered = await gather(surroundings, options, { action: 'scan' }, readScan);
  if (gathered.end !== null)
    surroundings.stdout.write(options.json ? scanJson(gathered) : scanText(surroundings, gathered, options));
  return gathered.status;
}

function scanJson(gathered: Gathered<PackageScan>): string {
  const scans = [...gathered.answers.values()];
  const hosts = scans.map(({ name: agent, agentId, answer: { version: _, ...scan } }) => ({
    agent,
    agentId,
    ...scan,
  }));
  const job = gathered.end?.job ?? null;
  return `${jsonLine({ job, totals: totalsOf(scans), hosts, noAnswer: silentOf(gathered) })}\n`;
}

function scanText(
  { stdout, env }: Surroundings,
  gathered: Gathered<PackageScan>,
  options: ScanOptions,
): string {
  const paint = paintFor(stdout.isTerminal, env);
  const scans = [...gathered.answers.values()];
  const silent = silentOf(gathered);
  const room = options.all
    ? { rows: Number.POSITIVE_INFINITY, whoChars: Number.POSITIVE_INFINITY }
    : { rows: options.hosts ? Number.POSITIVE_INFINITY : ROWS, whoChars: 40 };
  const table = options.packages
    ? renderPackages(waitingPackages(scans), room, paint)
    : renderScanned(options.hosts ? scannedHosts(scans) : scannedGroups(scans), room, paint);
  const without = renderSilent(silent, gathered.end?.job ?? '', paint).map((line) => `${line}\n`);
  return [table, ...without, renderTotals(totalsOf(scans), silent.length, paint)].join('');
}
