import type { Database, Statement } from '../../controller/db/database.ts';
import { openDatabase } from '../../controller/db/sqlite.ts';
import { MusterError } from '../../proto/errors.ts';
import type { DatabaseDisk } from './database-disk.ts';
import type { Dice } from './dice.ts';
import type { Life } from './life.ts';

export interface StorePorts {
  readonly disk: DatabaseDisk;
  readonly life: Life;
  readonly dice: Dice;
  /** Whether writes fail now. */
  isFull(): boolean;
  /** A transaction is durable. Called before anybody is told of it. */
  committed(): void;
}

interface Batch {
  statements: readonly Statement[];
  resolve(): void;
  reject(cause: unknown): void;
}

/** The controller's real store on a database in memory, with a place to die before and after each commit. */
export function openStore(ports: StorePorts): { db: Database; abandon(): void } {
  const { life, dice } = ports;
  let flushReal = (): void => {};
  const real = openDatabase({
    path: ports.disk.uri,
    schedule: (fn) => {
      flushReal = fn;
    },
    busyTimeoutMs: 0,
  });
  let waiting: Batch[] = [];

  function flush(): void {
    const batches = waiting;
    waiting = [];
    life.pass('before a commit');
    if (ports.isFull()) {
      for (const { reject } of batches) reject(new MusterError('store-failed', 'database or disk is full'));
      return;
    }
    for (const { statements, resolve, reject } of batches) real.write(statements).then(resolve, reject);
    flushReal();
    ports.committed();
    life.pass('after a commit');
  }

  return {
    db: {
      read(query) {
        life.pass('a read');
        return life.living(real.read(query));
      },
      write(statements) {
        life.pass('before a write');
        return life.living(
          new Promise<void>((resolve, reject) => {
            waiting.push({ statements, resolve, reject });
            if (waiting.length === 1)
              life.after(dice.chance(0.05) ? dice.between(5, 300) : dice.between(0.1, 3), flush);
          }),
        );
      },
      commits: () => real.commits(),
      size: () => real.size(),
      shrink: (bytes) => life.call('giving room back', () => real.shrink(bytes)),
      async close() {
        if (waiting.length > 0) flush();
        await real.close();
      },
    },
    /** As the kernel does: nothing that waits is written any more. */
    abandon() {
      waiting = [];
      void real.close();
    },
  };
}
