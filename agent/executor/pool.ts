import { chmodSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../proto/clock.ts';
import type { Cgroups } from './cgroup.ts';
import { keepsReadTimes } from './fifo.ts';
import { makeSpare, type Spare } from './spare.ts';

export interface Pool {
  /** Makes the spool folder, clears away the spares of an earlier agent, and begins to keep spares ready. */
  start(): Promise<void>;
  /** Whether the spool's file system keeps times of access. */
  readonly keepsTimes: boolean;
  readonly cgroups: Cgroups | undefined;
  /** A spare that is ready, or else one that is made now. Throws what the machine throws. */
  take(): Promise<Spare>;
  stop(): Promise<void>;
}

export interface PoolOptions {
  readonly clock: Clock;
  readonly spoolDir: string;
  /** How many are kept ready. Each is a waiting shell: about 100 KiB of private memory for dash, 270 for bash. */
  readonly size?: number;
  /** How long after a start the next spare is made: it should not compete with the command that just started. */
  readonly refillMs?: number;
  readonly shell?: string;
  readonly cgroups?: Cgroups | undefined;
}

const SPARE = 'spare-';

/** Not knowing is no reason not to start. */
function readTimesKept(folder: string): boolean {
  try {
    return keepsReadTimes(folder);
  } catch {
    return false;
  }
}

export function createPool(options: PoolOptions): Pool {
  const { clock, spoolDir, size = 3, refillMs = 25, shell = '/bin/sh', cgroups } = options;
  const ready: Spare[] = [];
  let running = false;
  let keepsTimes = false;
  let serial = 0;
  let filling: Promise<void> | undefined;
  let cancelRefill: (() => void) | undefined;

  function makeSpoolDir(): void {
    mkdirSync(spoolDir, { recursive: true });
    // Other users' commands have to reach their script, and nobody is to list the jobs.
    chmodSync(spoolDir, 0o711);
  }

  function make(): Promise<Spare> {
    return makeSpare(join(spoolDir, `${SPARE}${process.pid}-${serial++}`), { shell, keepsTimes, cgroups });
  }

  async function fill(): Promise<void> {
    while (running && ready.length < size) {
      const spare = await make();
      if (!running) return spare.discard();
      ready.push(spare);
      void spare.gone.then(() => {
        const at = ready.indexOf(spare);
        if (at < 0) return;
        ready.splice(at, 1);
        void spare.discard();
      });
    }
  }

  /** What fails here fails again, and is said, when a run needs a spare. */
  function refill(): void {
    cancelRefill = undefined;
    filling ??= fill()
      .catch(() => {})
      .finally(() => {
        filling = undefined;
      });
  }

  return {
    get keepsTimes() {
      return keepsTimes;
    },
    cgroups,
    async start() {
      makeSpoolDir();
      keepsTimes = readTimesKept(spoolDir);
      cgroups?.sweep();
      for (const name of readdirSync(spoolDir))
        if (name.startsWith(SPARE)) rmSync(join(spoolDir, name), { recursive: true, force: true });
      running = true;
      refill();
      await filling;
    },
    async take() {
      if (running) cancelRefill ??= clock.after(refillMs, refill);
      for (let spare = ready.shift(); spare; spare = ready.shift()) {
        if (spare.shim.exitCode === null && spare.shim.signalCode === null) return spare;
        void spare.discard();
      }
      makeSpoolDir();
      return make();
    },
    async stop() {
      running = false;
      cancelRefill?.();
      cancelRefill = undefined;
      await filling;
      await Promise.all(ready.splice(0).map((spare) => spare.discard()));
      cgroups?.leave();
    },
  };
}
