import type { RolloutDetail, RolloutEvent } from '../../api/contract.ts';
import type { Client } from '../client.ts';
import { formatDuration } from '../duration.ts';
import { EXIT } from '../failure.ts';
import { type EventSource, followEvents } from '../follow.ts';
import { paintFor, wantsColour } from '../output/paint.ts';
import { jsonLine, sanitiseLine } from '../output/sanitise.ts';
import { createScreen } from '../output/screen.ts';
import type { Surroundings } from '../surroundings.ts';
import { type Board, createBoard } from './board.ts';
import { boardLine, renderBoard } from './board-view.ts';
import { causesOf } from './causes.ts';
import { eventText } from './event-text.ts';
import { endText, onLeaving, shortId, waitsFor, whatNext } from './guidance.ts';
import { isAtRest, rolloutExit } from './phases.ts';

export interface WatchOptions {
  json?: boolean;
  /** Only what came after this event; left out: from where it stands, and with `json` from the start. */
  after?: number;
  /** Of a command that asked for hosts to be brought back: that they are is its success. */
  isRollback?: boolean;
}

/** Changes of more than the host that an event names: what is known of gates and limits is asked for again. */
const ASKED_AGAIN: ReadonlySet<RolloutEvent['what']> = new Set([
  'state',
  'wave',
  'approved',
  'paused',
  'resumed',
  'aborted',
  'rollback',
  'probe',
]);
/** Where nothing is drawn, a line is printed so often while nothing else happens. */
export const PLAIN_MS = 60_000;

/**
 * Shows a rollout until it is at its end, stands stopped with nobody at work, or the operator leaves it, which changes nothing of it.
 * Returns the exit status.
 */
export async function watchRollout(
  surroundings: Surroundings,
  client: Client,
  rollout: string,
  options: WatchOptions,
): Promise<number> {
  const { clock, random, stdout, stderr, env } = surroundings;
  const json = options.json ?? false;
  const show = (): Promise<RolloutDetail> => client.call('rollouts.show', { params: { rollout } });
  const board = createBoard(await show());
  let readAtMs = clock.monotonicMs();
  const nowMs = (): number => board.detail().nowMs + clock.monotonicMs() - readAtMs;
  const isLive = wantsColour(stderr.isTerminal, env) && !json;
  const screen = createScreen({ stdout, stderr, clock, live: isLive });
  const paint = paintFor(stdout.isTerminal, env);
  const leave = new AbortController();
  const signal = AbortSignal.any([leave.signal, surroundings.closed]);
  let awaySinceMs: number | undefined;
  const stopListening = surroundings.onInterrupt(() => leave.abort());
  let cancelTimer = (): void => {};
  const standing = (): void => {
    for (const text of standingOf(board, nowMs())) screen.note(`muster: ${text}`);
    cancelTimer = clock.after(PLAIN_MS, standing);
  };
  if (isLive)
    screen.progress((columns, rows) => {
      if (awaySinceMs === undefined)
        return renderBoard(board, nowMs(), { columns, rows }, paintFor(true, env));
      const away = formatDuration(clock.monotonicMs() - awaySinceMs);
      return `the controller is away for ${away}; hosts go on with what they are at`.slice(0, columns);
    });
  else if (!json) cancelTimer = clock.after(PLAIN_MS, standing);

  async function take(event: RolloutEvent): Promise<void> {
    if (json) screen.out(`${jsonLine(eventJson(event, board))}\n`);
    else {
      const text = eventText(event, board.waves(), { every: !isLive, paint });
      if (text !== undefined) screen.out(`${text}\n`);
    }
    const isNews = event.seq > board.detail().seq;
    board.apply(event);
    screen.refresh();
    if (!isNews || !ASKED_AGAIN.has(event.what)) return;
    try {
      board.replace(await show());
      readAtMs = clock.monotonicMs();
    } catch {
      // Whoever follows the events says that the controller is away.
    }
  }

  const after = options.after ?? (json ? 0 : board.detail().seq);
  try {
    // At rest already: what is there is told, and nothing is waited for.
    const follow = !isAtRest(board.detail());
    if (follow || after < board.detail().seq) {
      const source = eventSource(client, rollout, follow);
      const away = (sinceMs: number | undefined): void => {
        awaySinceMs = sinceMs;
      };
      const parts = { client, clock, random, note: screen.note, away };
      for await (const event of followEvents(parts, source, { after, signal })) {
        await take(event);
        await stdout.settled();
        if (follow && isAtRest(board.detail()) && event.seq >= board.detail().seq) break;
      }
    }
  } finally {
    stopListening();
    cancelTimer();
    screen.stop();
  }
  if (surroundings.closed.aborted) return EXIT.closed;
  if (json) screen.out(`${jsonLine(summaryJson(board.detail()))}\n`);
  else for (const text of closing(board)) screen.note(text);
  if (leave.signal.aborted) for (const text of onLeaving(board.detail())) screen.note(`muster: ${text}`);
  return rolloutExit(board.detail(), options.isRollback);
}

export function eventSource(client: Client, rollout: string, follow: boolean): EventSource<RolloutEvent> {
  return {
    what: 'the rollout',
    open(after, options) {
      const query = { follow, ...(after > 0 ? { after } : {}) };
      return client.open('rollouts.events', { params: { rollout }, query }, options);
    },
    read: (type, seq, data) =>
      type === 'rollout' ? { ...(JSON.parse(data) as RolloutEvent), seq } : undefined,
    comeBack: () => `muster rollout watch ${shortId(rollout)}`,
  };
}

function standingOf(board: Board, nowMs: number): string[] {
  return [boardLine(board), ...waitsFor(board.detail(), board.waves(), nowMs)];
}

/** What became of it, who did not succeed and why, and how it goes on. */
function closing(board: Board): string[] {
  const detail = board.detail();
  const next = whatNext(detail).map((text) => `  ${text}`);
  if (!isAtRest(detail)) return [`muster: ${boardLine(board)}`];
  const why = detail.reason === null ? '' : `; ${sanitiseLine(detail.reason)}`;
  const causes = causesOf(board.unsuccessful()).map(({ text }) => `  ${text}`);
  return [
    `muster: ${endText(detail)}${why}`,
    ...causes,
    ...next,
    `  report: muster rollout report ${shortId(detail.rollout)}`,
  ];
}

/** docs/rollouts.md, "Events", is the contract. */
function eventJson(event: RolloutEvent, board: Board) {
  const { seq, atMs, what, to, wave, agent, agentId, by, reason } = event;
  const waveName = board.waves().find(({ index }) => index === wave)?.name ?? null;
  return { event: what, seq, atMs, to, wave, waveName, agent, agentId, by, reason };
}

function summaryJson({ rollout, name, state, reason, hosts, counts, seq }: RolloutDetail) {
  return { event: 'summary', rollout, name, state, reason, hosts, counts, seq };
}
