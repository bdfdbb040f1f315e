import type { WaitingReply, WaitingRun } from '../../api/contract.ts';
import { formatDuration } from '../duration.ts';
import type { Tally, Tracked } from '../tally.ts';
import { sanitiseLine } from './sanitise.ts';
import { taskLabel } from './task-results.ts';

/** What the controller last said of whom a job waits for, and when that was, on our clock. */
export interface Presence {
  reply: WaitingReply;
  atMs: number;
}

const SHOWN = 20;
/** Shorter silences are nothing to talk about. */
const SILENT_MS = 2000;
/** In a line that names several hosts. */
const TASK_CHARS = 32;

/**
 * For each host that has no outcome yet, the most silent first, what it is waited for and since when: `web-7 (running, silent 42 s)`,
 * `db-1 (offline for 3h, expires in 12 s)`. At most 20. `tasks`: what those of the
 * job are called.
 */
export function waitingItems(
  tally: Pick<Tally, 'waiting'>,
  presence: Presence | undefined,
  tasks: readonly string[],
  nowMs: number,
): string[] {
  const seen = new Map(presence?.reply.runs.map((run) => [run.agentId, run]));
  const waiting = tally.waiting();
  // As the controller has them, which saw what happened before we looked; then those that it did not name.
  const place = new Map([...seen.keys()].map((agentId, index) => [agentId, index]));
  const placeOf = ({ agentId }: Tracked): number => place.get(agentId) ?? seen.size;
  waiting.sort((a, b) => placeOf(a) - placeOf(b));
  return waiting.slice(0, SHOWN).map((run) => {
    const theirs = seen.get(run.agentId);
    const agoMs = nowMs - (presence?.atMs ?? nowMs);
    const parts =
      theirs && presence
        ? partsOf(run, tasks, theirs, presence.reply, agoMs, nowMs)
        : [stateOf(run, tasks), ...silence(nowMs - run.heardMs)];
    return `${sanitiseLine(run.name)} (${parts.join(', ')})`;
  });
}

function stateOf(run: Tracked, tasks: readonly string[]): string {
  if (run.state !== 'running' || run.task === null || tasks.length < 2) return run.state;
  const label = `task ${taskLabel(tasks, run.task)}`;
  return label.length > TASK_CHARS ? `${label.slice(0, TASK_CHARS - 1)}…` : label;
}

function partsOf(
  run: Tracked,
  tasks: readonly string[],
  theirs: WaitingRun,
  reply: WaitingReply,
  agoMs: number,
  nowMs: number,
): string[] {
  const state = stateOf(run, tasks);
  if (run.state === 'queued' && theirs.turnAtMs === null) return ['its turn has not come'];
  if (run.state === 'queued' && theirs.online) return [state];
  if (!theirs.online) {
    const away = awayText(theirs.lastSeenMs, reply.nowMs + agoMs);
    const leftMs = (theirs.sendByMs ?? reply.expiresAtMs) - reply.nowMs - agoMs;
    if (run.state !== 'queued') return [state, away];
    return [away, leftMs > 0 ? `expires in ${seconds(leftMs)}` : 'about to expire'];
  }
  // Our stream may be ahead of their answer, or begin in the middle.
  const theirMs = reply.nowMs + agoMs - (theirs.wordAtMs ?? theirs.sentAtMs ?? reply.nowMs);
  const silentMs = Math.min(theirMs, nowMs - run.heardMs);
  if (run.state === 'sent') return [state, `no answer ${seconds(silentMs)}`];
  return [state, ...silence(silentMs)];
}

function silence(silentMs: number): string[] {
  return silentMs < SILENT_MS ? [] : [`silent ${seconds(silentMs)}`];
}

function awayText(lastSeenMs: number | null, nowMs: number): string {
  return lastSeenMs === null ? 'it never connected' : `offline for ${seconds(nowMs - lastSeenMs)}`;
}

function seconds(durationMs: number): string {
  const whole = Math.max(0, Math.floor(durationMs / 1000));
  return whole === 0 ? '0 s' : formatDuration(whole * 1000);
}
