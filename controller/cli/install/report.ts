import type { Clock } from '../../../proto/clock.ts';
import type { HostEnd } from '../../installer/engine.ts';
import type { HostEntry } from '../../installer/host.ts';
import type { Kept } from './request.ts';
import { verdictOf } from './verdict.ts';

/**
 * The report of an install: what became of each host, and all that it takes to go on with those that are not done. It holds no
 * secret. docs/cli.md describes it; report-shape.ts reads it back.
 */
export const REPORT_VERSION = 1;

export interface ReportHost {
  /** As it was written. */
  readonly host: string;
  readonly state: 'waiting' | 'done' | 'failed' | 'no-answer' | 'left';
  readonly did: string | null;
  readonly name: string | null;
  readonly agentId: string | null;
  readonly version: string | null;
  readonly cause: string | null;
  readonly detail: string | null;
  readonly step: string | null;
  readonly durationMs: number | null;
  readonly sentBytes: number;
  readonly warnings: readonly string[];
  readonly entry: HostEntry;
}

export interface Report {
  readonly version: typeof REPORT_VERSION;
  readonly startedAtMs: number;
  /** Null: it has not ended, or was killed. */
  readonly endedAtMs: number | null;
  /** URL of the controller. */
  readonly controller: string;
  readonly options: Kept;
  readonly hosts: readonly ReportHost[];
}

export function waitingHost(entry: HostEntry): ReportHost {
  return {
    ...{
      host: entry.written,
      state: 'waiting',
      did: null,
      name: null,
      agentId: null,
      version: null,
      cause: null,
    },
    ...{ detail: null, step: null, durationMs: null, sentBytes: 0, warnings: [], entry },
  };
}

export function endedHost(
  entry: HostEntry,
  end: HostEnd,
  { durationMs, warnings }: { durationMs: number | null; warnings: readonly string[] },
): ReportHost {
  const told = { ...waitingHost(entry), state: verdictOf(end), durationMs, warnings };
  switch (end.state) {
    case 'not-begun':
      return told;
    case 'failed':
      return { ...told, cause: end.because, detail: end.detail, step: end.step };
    case 'done': {
      const { did, name, agentId = null, version, sentBytes } = end.result;
      return { ...told, did, name, agentId, version, sentBytes };
    }
  }
}

export interface ReportFile {
  /** Where it is. */
  readonly path: string;
  ended(host: ReportHost): void;
  /** The last of it; throws what `write` does. */
  close(endedAtMs: number): Promise<void>;
}

export interface ReportParts {
  readonly path: string;
  readonly head: Omit<Report, 'hosts' | 'endedAtMs'>;
  readonly hosts: readonly ReportHost[];
  readonly clock: Pick<Clock, 'after' | 'monotonicMs'>;
  /** Whole or not at all. */
  write(path: string, text: string): Promise<void>;
  /** Told once when it cannot be written any more. */
  broken(error: unknown): void;
}

/** At most once a second, and at most a twentieth of the time: a write grows with the hosts, and so does how often one ends. */
const EVERY_MS = 1000;
const SHARE = 20;

/** Throws what `write` does: an install whose report cannot be written is not begun. */
export async function openReport(parts: ReportParts): Promise<ReportFile> {
  const { path, head, clock } = parts;
  /** Each host's text is made once. */
  const texts = new Map(parts.hosts.map((host) => [host.host, JSON.stringify(host)]));
  /** What is on the disk is not the latest. */
  let stale = false;
  let cancel: (() => void) | undefined;
  let saving: Promise<void> | undefined;

  function text(endedAtMs: number | null): string {
    const start = JSON.stringify({ ...head, endedAtMs });
    return `${start.slice(0, -1)},"hosts":[\n${[...texts.values()].join(',\n')}\n]}\n`;
  }

  async function save(): Promise<void> {
    cancel = undefined;
    stale = false;
    const startMs = clock.monotonicMs();
    try {
      await parts.write(path, text(null));
    } catch (error) {
      parts.broken(error);
      return;
    }
    saving = undefined;
    if (stale) saveAfter(Math.max(EVERY_MS, SHARE * (clock.monotonicMs() - startMs)));
  }

  function saveAfter(afterMs: number): void {
    cancel = clock.after(afterMs, () => {
      saving = save();
    });
  }

  await parts.write(path, text(null));
  return {
    path,
    ended(host) {
      texts.set(host.host, JSON.stringify(host));
      stale = true;
      // After a write that failed `saving` stays: it is not tried again before the end.
      if (!cancel && !saving) saveAfter(EVERY_MS);
    },
    async close(endedAtMs) {
      cancel?.();
      await saving;
      cancel?.();
      await parts.write(path, text(endedAtMs));
    },
  };
}
