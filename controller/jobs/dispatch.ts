/**
 * The loop that hands bundles over to sessions. Runs that wait here are `sent` in the store already: what is lost with the process,
 * or with a session, is sent again when the agent comes back.
 *
 * It wakes when something is added. One pass gives every agent that has room one bundle, so that nobody waits behind an agent
 * with a long queue; it lets the event loop turn every few milliseconds, and rests while nobody has room.
 */
import { type Clock, delay } from '../../proto/clock.ts';
import { MIB } from '../../proto/limits.ts';
import type { AgentLinks } from './ports.ts';

const SLICE_MS = 5;
const REST_MS = 20;
const RETRY_MS = 5_000;
/** An agent that has so much before it waits for its next bundle. */
const PER_AGENT_BYTES = MIB;
/** All agents wait while so much is held for all of them. */
const TOGETHER_BYTES = 128 * MIB;

export interface Dispatch {
  add(jobId: string, agentIds: Iterable<string>): void;
  stop(): void;
}

export interface DispatchPorts {
  clock: Clock;
  links: Pick<AgentLinks, 'buffered'>;
  /** Hands one bundle over. Where it rejects, the agent is tried again later. */
  deliver(jobId: string, agentId: string): Promise<void>;
  onError(error: unknown, jobId: string): void;
}

export function createDispatch({ clock, links, deliver, onError }: DispatchPorts): Dispatch {
  /** Agent id -> the jobs that it waits for, in order. */
  const waiting = new Map<string, Set<string>>();
  /** Agent id -> what its session held when it was last looked at. */
  const held = new Map<string, number>();
  let together = 0;
  /** Job id -> the agents that it could not be handed over to. */
  const failed = new Map<string, Set<string>>();
  const retries = new Set<() => void>();
  const stopping = new AbortController();
  let running = false;
  let turnedMs = 0;

  function add(jobId: string, agentIds: Iterable<string>): void {
    for (const agentId of agentIds) {
      const jobs = waiting.get(agentId);
      if (jobs) jobs.add(jobId);
      else waiting.set(agentId, new Set([jobId]));
    }
    if (running || stopping.signal.aborted) return;
    running = true;
    // It rejects only when it is stopped.
    run().catch(() => {});
  }

  async function run(): Promise<void> {
    turnedMs = clock.monotonicMs();
    while (waiting.size > 0) {
      for (const agentId of held.keys()) look(agentId);
      if (!(await pass())) await rest(REST_MS);
    }
    running = false;
  }

  async function pass(): Promise<boolean> {
    let moved = false;
    for (const [agentId, jobs] of waiting) {
      if (together >= TOGETHER_BYTES) return moved;
      const [jobId] = jobs;
      if (jobId === undefined || links.buffered(agentId) >= PER_AGENT_BYTES) continue;
      moved = true;
      jobs.delete(jobId);
      if (jobs.size === 0) waiting.delete(agentId);
      await deliver(jobId, agentId).catch((error: unknown) => retry(jobId, agentId, error));
      look(agentId);
      if (clock.monotonicMs() - turnedMs >= SLICE_MS) await rest(0);
    }
    return moved;
  }

  function look(agentId: string): void {
    const bytes = links.buffered(agentId);
    together += bytes - (held.get(agentId) ?? 0);
    if (bytes > 0) held.set(agentId, bytes);
    else held.delete(agentId);
  }

  async function rest(ms: number): Promise<void> {
    await delay(clock, ms, stopping.signal);
    turnedMs = clock.monotonicMs();
  }

  /** What fails for one agent most often fails for all of a job: told once, tried again together. */
  function retry(jobId: string, agentId: string, error: unknown): void {
    const known = failed.get(jobId);
    if (known) return void known.add(agentId);
    onError(error, jobId);
    const agentIds = new Set([agentId]);
    failed.set(jobId, agentIds);
    const cancel = clock.after(RETRY_MS, () => {
      retries.delete(cancel);
      failed.delete(jobId);
      add(jobId, agentIds);
    });
    retries.add(cancel);
  }

  return {
    add,
    stop() {
      stopping.abort();
      for (const cancel of retries) cancel();
    },
  };
}
