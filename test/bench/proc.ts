/** What the kernel says of processes. */
import { readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

/** Milliseconds of CPU, user and system, of the children that ended and were waited for, theirs included. In steps of 10 ms. */
export function childrenCpuMs(): number {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[13]) + Number(fields[14])) * 1000) / TICKS_PER_SECOND;
}

export interface Memory {
  /** Everything that is mapped and present, shared or not. */
  readonly rssKib: number;
  /** The same, with what is shared divided among those who share it. */
  readonly pssKib: number;
  /** What would be free if this process alone were gone. */
  readonly privateDirtyKib: number;
}

export function memoryOf(pid: number): Memory {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(rollup)?.[1]);
  return { rssKib: field('Rss'), pssKib: field('Pss'), privateDirtyKib: field('Private_Dirty') };
}
