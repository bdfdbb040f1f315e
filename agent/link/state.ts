import { type Backoff, fullJitterMs } from '../../proto/backoff.ts';
import type { ErrorCode } from '../../proto/errors.ts';
import type { RandomBytes } from '../../proto/random.ts';

/**
 *              dial                 opened                 ready
 *   idle ─────────────> dialling ────────────> greeting ───────────> online
 *                        ^    │ ended             │ ended              │ ended
 *                        │    v                   v                    │
 *                        └── waiting <────────────┴────────────────────┘       stop: from anywhere to stopped
 *
 * `round` counts the walks through all addresses since the last session that lasted; it sets the pace of the next one.
 */
export type LinkState =
  | { readonly state: 'idle'; readonly round: number }
  | { readonly state: 'dialling' | 'greeting'; readonly url: string; readonly round: number }
  | { readonly state: 'online'; readonly url: string; readonly sinceMs: number; readonly round: number }
  | { readonly state: 'waiting'; readonly untilMs: number; readonly end: LinkEnd; readonly round: number }
  | { readonly state: 'stopped'; readonly round: number };

/** Why a link is not up, or no longer. */
export interface LinkEnd {
  readonly reason: string;
  /** Where it was a refusal, or an error with a code. */
  readonly code?: ErrorCode;
  /** When the controller said how long to wait. */
  readonly retryAfterMs?: number;
}

export type LinkEvent =
  | { readonly event: 'dial'; readonly url: string }
  | { readonly event: 'opened' }
  | { readonly event: 'ready'; readonly nowMs: number }
  | { readonly event: 'ended'; readonly end: LinkEnd; readonly nowMs: number; readonly waitMs: number }
  | { readonly event: 'stop' };

/** A session this long shows that the controller has room for us; the next break starts at the shortest wait again. */
export const LASTED_MS = 10_000;

/** Throws on an event that the state does not know: that is a bug of the one writer, link/loop.ts. */
export function applyLink(link: LinkState, change: LinkEvent): LinkState {
  const { round } = link;
  switch (change.event) {
    case 'dial':
      if (link.state === 'online' || link.state === 'stopped') return impossible(link, change);
      return { state: 'dialling', url: change.url, round };
    case 'opened':
      if (link.state !== 'dialling') return impossible(link, change);
      return { state: 'greeting', url: link.url, round };
    case 'ready':
      if (link.state !== 'greeting') return impossible(link, change);
      return { state: 'online', url: link.url, sinceMs: change.nowMs, round };
    case 'ended': {
      if (link.state === 'stopped') return impossible(link, change);
      const next = lasted(link, change.nowMs) ? 0 : round;
      return {
        state: 'waiting',
        untilMs: change.nowMs + change.waitMs,
        end: change.end,
        round: next + 1,
      };
    }
    case 'stop':
      return { state: 'stopped', round };
  }
}

function impossible(link: LinkState, change: LinkEvent): never {
  throw new Error(`link: ${change.event} while ${link.state}`);
}

export function lasted(link: LinkState, nowMs: number): boolean {
  return link.state === 'online' && nowMs - link.sinceMs >= LASTED_MS;
}

const NORMAL: Backoff = { baseMs: 500, capMs: 60_000 };
const SLOW: Backoff = { baseMs: 30_000, capMs: 300_000 };

/** Refusals that somebody has to do something about. Not final: whoever can cut in can forge most of them. */
const LASTING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'agent-removed',
  'agent-pending',
  'agent-unknown',
  'agent-quarantined',
  'agent-replaced',
  'fleet-unknown',
  'version-unsupported',
  'handshake-failed',
  'trust-rejected',
]);

export function needsSomebody(end: LinkEnd): boolean {
  return end.code !== undefined && LASTING.has(end.code);
}

/** How long to wait after `round` rounds came to nothing: full jitter, after what the controller asked for. */
export function waitMs(end: LinkEnd, round: number, random: RandomBytes): number {
  const askedMs = Math.min(end.retryAfterMs ?? 0, SLOW.capMs);
  return askedMs + fullJitterMs(needsSomebody(end) ? SLOW : NORMAL, round, random);
}
