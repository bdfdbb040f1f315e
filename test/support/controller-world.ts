import { pino } from 'pino';
import { KEEPING, type Keeping } from '../../controller/config.ts';
import { type Controller, openController } from '../../controller/controller.ts';
import type { Database } from '../../controller/db/database.ts';
import { openDatabase } from '../../controller/db/sqlite.ts';
import type { FleetKeys } from '../../controller/fleet/keys.ts';
import { signKeyPair } from '../../proto/crypto.ts';
import type { ProbeSockets } from '../../proto/probe-socket.ts';
import { type Leash, leash } from './leash.ts';
import { type MemoryDisk, memoryDisk } from './memory-disk.ts';
import { seededRandom } from './seeded-random.ts';
import { type VirtualClock, virtualClock } from './virtual-clock.ts';

export const ADMIN = { name: 'admin', role: 'admin' } as const;

export interface ControllerWorld {
  clock: VirtualClock;
  db: Database;
  keys: FleetKeys;
  contentDisk: MemoryDisk;
  controller: Controller;
  /** Stops the controller and starts another one on the same store. */
  restart(): Promise<void>;
  /** Kills the controller where it stands and starts another one on the same store. */
  crash(): Promise<void>;
  /** The store as the controller that lives now sees it. */
  leash: Leash;
}

/** A whole controller in memory: real features, real SQLite, virtual time. It ends with the test. */
export async function controllerWorld(
  t: { after(fn: () => unknown): void },
  options: {
    path?: string;
    keeping?: Partial<Keeping>;
    logTo?: { write(line: string): void };
    /** To go on with another controller's store: its keys and its time. */
    keys?: FleetKeys;
    clock?: VirtualClock;
    /** What the controller is given in place of the store, as with a disk that fails. */
    wrap?: (db: Database) => Database;
    /** Left out: every probe of the controller's own holds. */
    probeSockets?: ProbeSockets;
  } = {},
): Promise<ControllerWorld> {
  const clock = options.clock ?? virtualClock();
  const random = seededRandom('controller');
  const root = signKeyPair(random(32));
  const made = {
    ...{ root, controller: signKeyPair(random(32)), release: signKeyPair(random(32)) },
    ...{ job: random(32), made: true },
  };
  const keys = options.keys ?? made;
  const log = options.logTo ? pino({}, options.logTo) : pino({ level: 'silent' });
  const opened = openDatabase({ path: options.path ?? ':memory:', schedule: setImmediate });
  const db = options.wrap?.(opened) ?? opened;
  const contentDisk = memoryDisk();
  let held = leash(db);
  const open = async (): Promise<Controller> => {
    const urls = ['https://127.0.0.1:7443'];
    const controller = await openController({
      ...{ clock, random, db: held.db, log, keys, contentDisk, urls },
      keeping: { ...KEEPING, ...options.keeping },
      probeSockets: options.probeSockets ?? { http: async () => {}, tcp: async () => {} },
    });
    await controller.start();
    return controller;
  };
  const world: ControllerWorld = {
    clock,
    db,
    keys,
    contentDisk,
    controller: await open(),
    async restart() {
      await world.controller.stop();
      world.controller = await open();
    },
    async crash() {
      held.cut();
      held = leash(db);
      world.leash = held;
      world.controller = await open();
    },
    leash: held,
  };
  t.after(async () => {
    await world.controller.stop();
    await db.close();
  });
  return world;
}
