/** What a large file to many hosts at once costs the controller, and those who want something else of it meanwhile. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyToCrowd, largeFile } from '../e2e/crowd.ts';
import { startFleet } from '../e2e/fleet.ts';
import { median, percentile, short, table } from './figures.ts';

const HOSTS = 10;
const SIZES_MIB = [256, 1024];

export async function copy(): Promise<string> {
  const rows: string[][] = [];
  for (const mib of SIZES_MIB) {
    const ends: (() => unknown)[] = [];
    const folder = mkdtempSync(join(tmpdir(), 'muster-bench-'));
    try {
      const fleet = await startFleet({ after: (fn) => void ends.push(fn) });
      const bystander = await fleet.agent('bystander');
      const names = Array.from({ length: HOSTS }, (_, index) => `host-${index}`);
      const crowd = await Promise.all(names.map((name) => fleet.agent(name)));
      const from = join(folder, 'file');
      await largeFile(from, mib);
      const at = await copyToCrowd(fleet, bystander, crowd, { from, to: join(folder, 'there') });
      if (at.failed.length > 0) throw new Error(at.failed.join('\n'));
      rows.push([
        `${mib} MiB`,
        `${short(at.uploadMs / 1000)} s`,
        `${short((HOSTS * mib) / (at.servedMs / 1000))} MiB/s`,
        `${short(median(at.idleMs))} ms`,
        `${short(median(at.busyMs))} ms`,
        `${short(percentile(at.busyMs, 0.99))} ms`,
        `${short(at.rssBeforeMib)} MiB`,
        `${short(at.rssMostMib)} MiB`,
        `${short(at.agentMostMib)} MiB`,
      ]);
    } finally {
      for (const end of ends.reverse()) await end();
      rmSync(folder, { recursive: true, force: true });
    }
  }
  const head = [
    'a file',
    'up, first host',
    `to ${HOSTS} hosts`,
    'command idle',
    'meanwhile',
    'p99',
    'controller',
    'most',
    'agent, most',
  ];
  return `${table(head, rows)}\n\nAll on this machine: it writes each file ${2 * HOSTS} times and hashes it as often.`;
}
