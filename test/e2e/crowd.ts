import { createWriteStream, readFileSync } from 'node:fs';
import { sha512 } from '../../proto/crypto.ts';
import type { AgentHandle, Finished, TestFleet } from './fleet.ts';

const MIB = 1024 * 1024;
const PAUSE_MS = 150;

/** Bytes of which no two MiB are the same, written without holding them. */
export async function largeFile(path: string, mib: number): Promise<void> {
  const file = createWriteStream(path);
  let block = sha512(Buffer.from(path));
  for (let at = 0; at < mib; at++) {
    block = sha512(block);
    if (!file.write(Buffer.alloc(MIB, block)))
      await new Promise((resolve) => file.once('drain', () => resolve(undefined)));
  }
  await new Promise((resolve) => file.end(() => resolve(undefined)));
}

export interface CrowdFigures {
  /** To the controller and one host. */
  uploadMs: number;
  /** From there to all others at once. */
  servedMs: number;
  /** Of `true` on the one host, before and meanwhile. */
  idleMs: number[];
  busyMs: number[];
  /** The controller's memory before, and the most of it until the end. */
  rssBeforeMib: number;
  rssMostMib: number;
  /** The most of any agent's. */
  agentMostMib: number;
  failed: string[];
}

const statusOf = (pid: number, field: string): number =>
  Number(
    new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0,
  ) / 1024;

const pidOf = (one: { child: { pid?: number | undefined } }): number => one.child.pid ?? 0;

/**
 * Copies a file to one host, which gets commands afterwards, and from the controller to all others at once. Agents of one machine share
 * its disk, so each has a place of its own: `to` and its name.
 */
export async function copyToCrowd(
  fleet: TestFleet,
  bystander: AgentHandle,
  crowd: readonly AgentHandle[],
  { from, to }: { from: string; to: string },
): Promise<CrowdFigures> {
  const controller = pidOf(fleet.controller);
  const copy = (agent: AgentHandle): Promise<Finished> =>
    fleet.muster(['copy', '-t', agent.name, from, `${to}-${agent.name}`, '--timeout', '30m', '--ttl', '5m']);
  const idleMs: number[] = [];
  for (let at = 0; at < 20; at++) idleMs.push(await runOnce(fleet, bystander.name));
  const rssBeforeMib = statusOf(controller, 'VmRSS');
  const beganMs = performance.now();
  const first = await copy(bystander);
  const uploadMs = performance.now() - beganMs;
  const busyMs: number[] = [];
  let over = false;
  const ended = Promise.all(crowd.map(copy)).finally(() => {
    over = true;
  });
  // With a pause between, so that it is the copies that keep the machine at work.
  while (!over) {
    busyMs.push(await runOnce(fleet, bystander.name));
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, PAUSE_MS))]);
  }
  return {
    uploadMs,
    servedMs: performance.now() - beganMs - uploadMs,
    idleMs,
    busyMs,
    rssBeforeMib,
    rssMostMib: statusOf(controller, 'VmHWM'),
    agentMostMib: Math.max(...crowd.map((agent) => statusOf(pidOf(agent.process), 'VmHWM'))),
    failed: [first, ...(await ended)].filter(({ status }) => status !== 0).map(({ stderr }) => stderr),
  };
}

async function runOnce(fleet: TestFleet, agent: string): Promise<number> {
  const beganMs = performance.now();
  const body = { targets: agent, tasks: [{ command: { argv: ['true'] } }], ttlMs: 60_000 };
  const { job } = await fleet.client.call('jobs.create', { body });
  const events = await fleet.client.open('jobs.events', { params: { job }, query: {} });
  for await (const _ of events) void _;
  return performance.now() - beganMs;
}

/** The value that a share of them does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
