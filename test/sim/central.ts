import { changesOf, leap, stopped } from '../../controller/backup/aftermath.ts';
import { openRolloutIds, queuedRuns } from '../../controller/backup/store.ts';
import { KEEPING } from '../../controller/config.ts';
import { type Controller, openController } from '../../controller/controller.ts';
import { openDatabase } from '../../controller/db/sqlite.ts';
import { fold } from '../../controller/fleet/documents.ts';
import { allDocuments } from '../../controller/fleet/store.ts';
import { transition } from '../../controller/jobs/transition.ts';
import type { Log } from '../../controller/log.ts';
import { signKeyPair } from '../../proto/crypto.ts';
import { fleetIdOf, keyId } from '../../proto/frame.ts';
import { memoryDisk } from '../support/memory-disk.ts';
import { createDatabaseDisk, type DatabaseDisk } from './database-disk.ts';
import { type Dice, diceOf } from './dice.ts';
import { clockOf, createLife, Dead, type Life } from './life.ts';
import type { Machine } from './machine.ts';
import type { Network } from './network.ts';
import { openStore } from './store.ts';
import type { Story } from './story.ts';
import type { Weakness } from './weakness.ts';

/** The controller's machine: the process that is there now, and the disk that outlives it. */
export interface Central {
  readonly machine: Machine;
  /** Undefined while it is down or still starts. */
  readonly controller: Controller | undefined;
  readonly life: Life | undefined;
  readonly disk: DatabaseDisk;
  /** Since when it answers, or undefined. */
  readonly upSinceMs: number | undefined;
  /** Whether the controller says so of this agent. */
  isOnline(agentId: string): boolean;
  start(): void;
  /** As a kill -9, or at one of the next calls of a port. It comes back after `downMs`. */
  kill(downMs: number): void;
  killAt(calls: number, downMs: number): void;
  /** Stops it, restores this copy of its store, and starts it again. */
  putBack(copy: DatabaseDisk, downMs: number): void;
  close(): void;
}

export interface CentralPorts {
  readonly machine: Machine;
  readonly network: Network;
  readonly story: Story;
  readonly dice: Dice;
  readonly weakness: Weakness | undefined;
  /** True time. */
  nowMs(): number;
  committed(): void;
}

/** The same in every history: to make keys costs more than to run one. */
const KEY_DICE = diceOf('the keys of the simulated controller');
export const FLEET_KEYS = {
  root: signKeyPair(KEY_DICE.bytes(32)),
  controller: signKeyPair(KEY_DICE.bytes(32)),
  release: undefined,
  job: KEY_DICE.bytes(32),
  made: true,
};
export const FLEET_ID = fleetIdOf(FLEET_KEYS.root.publicKey);
export const ROOT_KEY_ID = keyId('root', FLEET_KEYS.root.publicKey);
export const CONTROLLER_URL = 'https://controller.test:7443';

let empty: DatabaseDisk | undefined;

/** An empty store of the newest schema. */
export function newStoreDisk(): DatabaseDisk {
  if (!empty) {
    empty = createDatabaseDisk();
    void openDatabase({ path: empty.uri, schedule: () => {} }).close();
  }
  return empty.copy();
}

export function createCentral(ports: CentralPorts): Central {
  const { machine, network, story } = ports;
  const contentDisk = memoryDisk();
  let disk = newStoreDisk();
  const online = new Set<string>();
  let controller: Controller | undefined;
  let life: Life | undefined;
  let abandon = (): void => {};
  let upSinceMs: number | undefined;
  let downForMs = 5_000;
  let lives = 0;

  function start(): void {
    if (life?.alive) return;
    lives += 1;
    const own = createLife(machine.after, (port) => {
      story.tell('controller', `dies (${port}); it will be back in ${Math.round(downForMs)} ms`);
      over();
    });
    life = own;
    const dice = ports.dice.fork(`life ${lives}`);
    const store = openStore({
      disk,
      life: own,
      dice,
      isFull: () => machine.diskFull,
      committed: ports.committed,
    });
    abandon = store.abandon;
    const world = {
      clock: clockOf(own, machine.times),
      random: dice.bytes,
      db: store.db,
      log: logOf(own, story),
      keys: FLEET_KEYS,
      contentDisk,
      urls: [CONTROLLER_URL],
      keeping: KEEPING,
      probeSockets: { http: async () => {}, tcp: portsOf(dice.fork('ports')) },
    };
    open(own, ports.weakness?.world?.(world) ?? world).catch((cause: unknown) => {
      if (cause instanceof Dead || !own.alive) return;
      story.tell('controller', `does not start: ${cause instanceof Error ? cause.message : String(cause)}`);
      downForMs = 5_000;
      own.kill('in its start');
    });
  }

  async function open(own: Life, world: Parameters<typeof openController>[0]): Promise<void> {
    const opened = await openController(world);
    opened.bus.on((event) => {
      if (event.type === 'agent-online') online.add(event.agentId);
      if (event.type === 'agent-offline') online.delete(event.agentId);
    });
    await opened.start();
    if (!own.alive) return;
    controller = opened;
    upSinceMs = ports.nowMs();
    network.listen(own, (socket) => opened.gateway.accept(socket));
    story.tell('controller', 'is up');
  }

  function over(): void {
    if (life) network.died(life, 'process');
    controller = undefined;
    online.clear();
    upSinceMs = undefined;
    abandon();
    machine.after(downForMs, start);
  }

  return {
    machine,
    get controller() {
      return controller;
    },
    get life() {
      return life;
    },
    get disk() {
      return disk;
    },
    get upSinceMs() {
      return upSinceMs;
    },
    isOnline: (agentId) => online.has(agentId),
    start,
    kill(downMs) {
      downForMs = downMs;
      life?.kill('kill -9');
    },
    killAt(calls, downMs) {
      downForMs = downMs;
      life?.arm(calls);
    },
    putBack(copy, downMs) {
      downForMs = downMs;
      if (life?.alive) life.kill('stopped, to put its store back');
      disk.close();
      disk = copy;
      void settleRestored(copy, machine.times.wallMs());
    },
    close() {
      abandon();
      disk.close();
    },
  };
}

/** What `muster restore` does to a store besides putting it in its place. Done in one turn of the scheduler. */
async function settleRestored({ uri }: DatabaseDisk, wallMs: number): Promise<void> {
  let flush = (): void => {};
  const schedule = (fn: () => void): void => {
    flush = fn;
  };
  const db = openDatabase({ path: uri, schedule, busyTimeoutMs: 0 });
  const nowMs = Math.round(wallMs);
  const at = { wallMs: nowMs, steadyMs: nowMs };
  const documents = (await db.read(allDocuments())).map((row) => ({
    serial: row.serial,
    bytes: row.document,
    changesRoot: row.changes_root === 1,
  }));
  const queued = await db.read(queuedRuns());
  const open = await db.read(openRolloutIds());
  const written = db.write([
    ...queued.flatMap((run) => changesOf(run, nowMs).map((change) => transition(change, at, () => {}))),
    ...leap(fold(FLEET_ID, documents), FLEET_KEYS.root, nowMs),
    ...open.flatMap(({ id }) => stopped(id, nowMs, nowMs)),
  ]);
  flush();
  await written;
  await db.close();
}

/** Some hosts do not answer, for as long as this controller lives. */
function portsOf(dice: Dice): (asked: { host: string }) => Promise<void> {
  const answers = new Map<string, boolean>();
  return async ({ host }) => {
    const isOpen = answers.get(host) ?? dice.chance(0.85);
    answers.set(host, isOpen);
    if (!isOpen) throw new Error(`connect ECONNREFUSED ${host}`);
  };
}

function logOf(life: Life, story: Story): Log {
  const at =
    (level: string) =>
    (fields: unknown, event?: string): void => {
      if (!life.alive) return;
      story.tell('controller', `${level}: ${event ?? String(fields)}${detailOf(fields)}`);
    };
  const none = (): void => {};
  return {
    trace: none,
    debug: none,
    info: none,
    warn: at('warns'),
    error: at('error'),
    fatal: at('fatal'),
  } as unknown as Log;
}

function detailOf(fields: unknown): string {
  if (typeof fields !== 'object' || fields === null) return '';
  const parts = Object.entries(fields).map(([name, value]) => {
    return `${name} ${value instanceof Error ? value.message : String(value)}`;
  });
  return parts.length > 0 ? ` (${parts.join(', ')})` : '';
}
