/** One command to many agents: what each of them costs the controller. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { pino } from 'pino';
import { createClient } from '../../controller/cli/client.ts';
import { KEEPING } from '../../controller/config.ts';
import { openController } from '../../controller/controller.ts';
import { openDatabase } from '../../controller/db/sqlite.ts';
import type { Socket } from '../../controller/gateway/socket.ts';
import { signKeyPair } from '../../proto/crypto.ts';
import { systemClock, systemRandom } from '../../proto/system.ts';
import { ADMIN } from '../support/controller-world.ts';
import { memoryDisk } from '../support/memory-disk.ts';
import { until } from '../support/until.ts';
import { type Child, startChild } from './child.ts';
import type { ControllerRequests } from './controller-process.ts';
import { median, short, table } from './figures.ts';
import { assemble, type Member, realClock, respond } from './fleet.ts';
import type { FleetRequests } from './fleet-process.ts';

const SIZES = [100, 1000] as const;
const JOBS = 7;
const WARM_UP = 2;
/** Until the signatures of a job's reports are verified. */
const REST_MS = 1_500;
const token = (uses: number) => ({
  ttlMs: 600_000,
  labels: {},
  allowLabels: [],
  approve: 'auto' as const,
  uses,
});
const request = () => ({
  targets: 'all',
  tasks: [{ command: { argv: ['true'] } }],
  timeoutMs: 60_000,
  ttlMs: 60_000,
});

interface Cost {
  /** Of all agents together, in milliseconds. */
  readonly cpuMs: number;
  readonly wallMs: number;
}

export async function dispatch(): Promise<string> {
  const rows: string[][] = [];
  for (const size of SIZES) {
    const { out, back } = await inMemory(size);
    rows.push(row(`${size} agents: create, sign, store, wrap, send`, size, out));
    rows.push(row(`${size} agents: take up "running" and the report`, size, back));
    const { whole, after } = await overSockets(size);
    rows.push(row(`${size} agents on websockets: all of it, API to last report`, size, whole));
    rows.push(
      row(`${size} agents on websockets: ${REST_MS / 1000} s after, signatures verified`, size, after),
    );
  }
  return [
    `One job for a whole fleet, ${JOBS - WARM_UP} times; the store on disk. Medians; CPU of the controller alone`,
    table(['', 'CPU ms', 'wall ms', 'CPU µs per agent'], rows),
  ].join('\n');
}

function row(name: string, size: number, costs: readonly Cost[]): string[] {
  const kept = costs.slice(WARM_UP);
  const cpuMs = median(kept.map((cost) => cost.cpuMs));
  return [name, short(cpuMs), short(median(kept.map((cost) => cost.wallMs))), short((cpuMs / size) * 1000)];
}

async function costOf(work: () => Promise<unknown>): Promise<Cost> {
  const fromMs = performance.now();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { cpuMs: (user + system) / 1000, wallMs: performance.now() - fromMs };
}

/** Everything in one process; messages are held back, so that only one side works at a time. */
async function inMemory(size: number): Promise<{ out: Cost[]; back: Cost[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'muster-bench-'));
  const db = openDatabase({ path: join(folder, 'muster.db'), schedule: setImmediate });
  const [root, controllerKey] = [signKeyPair(systemRandom(32)), signKeyPair(systemRandom(32))];
  const controller = await openController({
    clock: systemClock,
    random: systemRandom,
    db,
    log: pino({ level: 'silent' }),
    keys: { root, controller: controllerKey, release: undefined, job: systemRandom(32), made: true },
    contentDisk: memoryDisk(),
    urls: ['https://127.0.0.1:7443'],
    keeping: KEEPING,
    probeSockets: { http: async () => {}, tcp: async () => {} },
  });
  await controller.start();
  try {
    const joining = await controller.verbs.tokens.create(token(size), ADMIN);
    const held = holder(controller.gateway.accept);
    const members = await assemble(joining.token, size, 1, held.accept, realClock());
    const [out, back]: [Cost[], Cost[]] = [[], []];
    held.hold();
    for (let job = 0; job < JOBS; job++) {
      out.push(
        await costOf(async () => {
          const sent = held.waits(size);
          await controller.verbs.jobs.create(request(), ADMIN);
          await sent;
        }),
      );
      await exchange(held, members);
      const over = controller.bus.waitFor((event) => event.type === 'job-ended');
      back.push(
        await costOf(async () => {
          held.letUp();
          await over;
        }),
      );
      await wait(REST_MS);
      await exchange(held, members);
      held.letUp();
    }
    return { out, back };
  } finally {
    await controller.stop();
    await db.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Agents take what waits for them, and their answers wait. */
async function exchange(held: ReturnType<typeof holder>, members: readonly Member[]): Promise<void> {
  held.letDown();
  await wait(1);
  for (const member of members) respond(member);
}

/** Stands between fake agents and the gateway. Once it holds, messages wait for `letDown` (to agents) and `letUp`. */
function holder(accept: (socket: Socket) => void) {
  let holding = false;
  let awaited = { count: Number.POSITIVE_INFINITY, met: (): void => {} };
  const down: (() => void)[] = [];
  const up: (() => void)[] = [];
  const pass = (queue: (() => void)[], step: () => void): void => void (holding ? queue.push(step) : step());
  const flush = (queue: (() => void)[]): void => {
    for (const step of queue.splice(0)) step();
  };
  return {
    accept(socket: Socket): void {
      const send = (bytes: Uint8Array): void => {
        pass(down, () => socket.send(bytes));
        if (down.length >= awaited.count) awaited.met();
      };
      const near: Socket = { ...socket, send };
      socket.onMessage = (bytes) => pass(up, () => near.onMessage(bytes));
      socket.onClose = () => near.onClose();
      accept(near);
    },
    hold: () => {
      holding = true;
    },
    /** Resolves when so many messages to agents wait. */
    waits: (count: number) =>
      new Promise<void>((met) => {
        awaited = { count, met };
      }),
    letDown: () => flush(down),
    letUp: () => flush(up),
  };
}

async function overSockets(size: number): Promise<{ whole: Cost[]; after: Cost[] }> {
  const home = mkdtempSync(join(tmpdir(), 'muster-bench-'));
  const controller: Child<ControllerRequests> = await startChild('controller-process.ts');
  const fleet: Child<FleetRequests> = await startChild('fleet-process.ts');
  const url = await controller.ask('start', home);
  const client = createClient(JSON.parse(readFileSync(join(home, 'context.json'), 'utf8')));
  try {
    const joining = await client.call('tokens.create', { body: { uses: size } });
    await fleet.ask('assemble', url, joining.token, size);
    await until('the fleet is online', async () => (await client.call('status', {})).agents.online === size);
    const cpuMs = async (): Promise<number> => (await controller.ask('cpu')) / 1000;
    const [whole, after]: [Cost[], Cost[]] = [[], []];
    for (let job = 0; job < JOBS; job++) {
      const fromMs = await cpuMs();
      const created = await client.call('jobs.create', { body: request() });
      const { reached, ended } = await controller.ask('moments', created.job);
      const overMs = await cpuMs();
      whole.push({ cpuMs: overMs - fromMs, wallMs: ended - reached });
      await wait(REST_MS);
      after.push({ cpuMs: (await cpuMs()) - overMs, wallMs: REST_MS });
    }
    return { whole, after };
  } finally {
    client.close();
    await fleet.stop();
    await controller.stop();
    rmSync(home, { recursive: true, force: true });
  }
}
