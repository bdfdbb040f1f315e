/** What the kernel says of processes. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

export interface Cpu {
  /** Milliseconds of user and system time, in steps of 10. */
  readonly ownMs: number;
  /** Of its children that ended and were waited for, theirs included. */
  readonly childrenMs: number;
}

export function cpuOf(pid: number | 'self'): Cpu {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ms = (field: number): number => (Number(fields[field]) * 1000) / TICKS_PER_SECOND;
  return { ownMs: ms(11) + ms(12), childrenMs: ms(13) + ms(14) };
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

/** Milliseconds of all processes in these namespaces (`/proc/PID/ns/pid`), those included that ended and were waited for there. */
export function cpuInNamespaces(namespaces: ReadonlySet<string>): number {
  let sum = 0;
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    try {
      if (!namespaces.has(namespaceOf(pid))) continue;
      const { ownMs, childrenMs } = cpuOf(pid);
      sum += ownMs + childrenMs;
    } catch {
      // It ended meanwhile; its parent has what it took.
    }
  }
  return sum;
}

export const namespaceOf = (pid: number): string => readlinkSync(`/proc/${pid}/ns/pid`);
