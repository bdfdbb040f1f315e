/** One command to many agents: what each of them costs the controller. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createClient } from '../../controller/cli/client.ts';
import type { Socket } from '../../controller/gateway/socket.ts';
import { ADMIN, controllerWorld } from '../support/controller-world.ts';
import { until } from '../support/until.ts';
import { type Child, startChild } from './child.ts';
import type { ControllerRequests } from './controller-process.ts';
import { median, short, table } from './figures.ts';
import { assemble, respond } from './fleet.ts';
import type { FleetRequests } from './fleet-process.ts';

const SIZES = [100, 1000] as const;
const JOBS = 7;
const WARM_UP = 2;
const token = (uses: number) => ({
  ttlMs: 600_000,
  labels: {},
  allowLabels: [],
  approve: 'auto' as const,
  uses,
});
const request = () => ({
  targets: 'all',
  task: { command: { argv: ['true'] } },
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
    rows.push(
      row(`${size} agents on websockets: all of it, API to last report`, size, await overSockets(size)),
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
  const undo: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const world = await controllerWorld(
    { after: (fn) => void undo.push(fn) },
    { path: join(folder, 'muster.db') },
  );
  try {
    const { controller, clock } = world;
    const joining = await controller.verbs.tokens.create(token(size), ADMIN);
    const held = holder(controller.gateway.accept);
    const members = await assemble(joining.token, size, held.accept, {
      ...clock,
      // The door admits so many a second.
      settle: () => clock.advance(5),
    });
    const [out, back]: [Cost[], Cost[]] = [[], []];
    held.hold();
    for (let job = 0; job < JOBS; job++) {
      out.push(await costOf(() => controller.verbs.jobs.create(request(), ADMIN)));
      held.letDown();
      await clock.settle();
      for (const member of members) respond(member);
      const over = controller.bus.waitFor((event) => event.type === 'job-ended');
      back.push(
        await costOf(async () => {
          held.letUp();
          await over;
        }),
      );
      await clock.advance(2_000);
      held.letDown();
      await clock.settle();
      for (const member of members) respond(member);
      held.letUp();
    }
    return { out, back };
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

/** Stands between fake agents and the gateway. Once it holds, messages wait for `letDown` (to agents) and `letUp`. */
function holder(accept: (socket: Socket) => void) {
  let holding = false;
  const down: (() => void)[] = [];
  const up: (() => void)[] = [];
  const pass = (queue: (() => void)[], step: () => void): void => void (holding ? queue.push(step) : step());
  const flush = (queue: (() => void)[]): void => {
    for (const step of queue.splice(0)) step();
  };
  return {
    accept(socket: Socket): void {
      const near: Socket = { ...socket, send: (bytes) => pass(down, () => socket.send(bytes)) };
      socket.onMessage = (bytes) => pass(up, () => near.onMessage(bytes));
      socket.onClose = () => near.onClose();
      accept(near);
    },
    hold: () => {
      holding = true;
    },
    letDown: () => flush(down),
    letUp: () => flush(up),
  };
}

async function overSockets(size: number): Promise<Cost[]> {
  const home = mkdtempSync(join(tmpdir(), 'muster-bench-'));
  const controller: Child<ControllerRequests> = await startChild('controller-process.ts');
  const fleet: Child<FleetRequests> = await startChild('fleet-process.ts');
  const url = await controller.ask('start', home);
  const client = createClient(JSON.parse(readFileSync(join(home, 'context.json'), 'utf8')));
  try {
    const joining = await client.call('tokens.create', { body: { uses: size } });
    await fleet.ask('assemble', url, joining.token, size);
    await until('the fleet is online', async () => (await client.call('status', {})).agents.online === size);
    const costs: Cost[] = [];
    for (let job = 0; job < JOBS; job++) {
      const before = await controller.ask('cpu');
      const created = await client.call('jobs.create', { body: request() });
      const { reached, ended } = await controller.ask('moments', created.job);
      const after = await controller.ask('cpu');
      costs.push({ cpuMs: (after - before) / 1000, wallMs: ended - reached });
      await wait(1_000);
    }
    return costs;
  } finally {
    client.close();
    await fleet.stop();
    await controller.stop();
    rmSync(home, { recursive: true, force: true });
  }
}
