import type { CrowdEvent } from '../../installer/engine.ts';
import type { Step } from '../../installer/work.ts';
import { formatDuration } from '../duration.ts';
import type { Paint } from '../output/paint.ts';
import { sanitiseLine } from '../output/sanitise.ts';
import { longest } from '../output/table.ts';
import { formatSize } from '../size.ts';
import { verdictOf } from './verdict.ts';

/** What is shown while hosts are at hand: a line each, as many as fit, and the totals. */
export interface Display {
  take(event: CrowdEvent): void;
  render(columns: number, rows: number): string;
}

interface AtHand {
  readonly sinceMs: number;
  step: Step;
  bytes: number;
  of: number;
}

const DOING: Readonly<Record<Step, string>> = {
  connect: 'connecting',
  probe: 'looking',
  lock: 'locking',
  place: 'copying',
  init: 'making keys',
  register: 'registering',
  service: 'starting',
  online: 'waiting for it to come online',
  ping: 'first job',
  remove: 'removing',
  undo: 'undoing',
};

export function createDisplay(total: number, nowMs: () => number, paint: Paint): Display {
  const startMs = nowMs();
  const hosts = new Map<string, AtHand>();
  const counts = { done: 0, failed: 0, 'no-answer': 0, left: 0 };
  let sentBytes = 0;

  function totals(columns: number): string {
    const ended = counts.done + counts.failed + counts['no-answer'] + counts.left;
    const parts: [text: string, painted: string][] = [];
    const add = (text: string, painted = text): void => void parts.push([text, painted]);
    add(`${ended}/${total} hosts`);
    if (counts.failed > 0) add(`${counts.failed} failed`, paint('red', `${counts.failed} failed`));
    if (counts['no-answer'] > 0)
      add(`${counts['no-answer']} no answer`, paint('yellow', `${counts['no-answer']} no answer`));
    if (counts.left > 0) add(`${counts.left} stopped`, paint('yellow', `${counts.left} stopped`));
    if (sentBytes > 0) add(`${formatSize(sentBytes)} sent`);
    add(formatDuration(nowMs() - startMs));
    while (parts.length > 1 && parts.map(([text]) => text).join(' · ').length > columns) parts.pop();
    return parts.map(([, painted]) => painted).join(' · ');
  }

  return {
    take(event) {
      if (event.what === 'begun')
        hosts.set(event.entry.written, { sinceMs: nowMs(), step: 'connect', bytes: 0, of: 0 });
      if (event.what === 'ended') {
        hosts.delete(event.entry.written);
        counts[verdictOf(event.end)] += 1;
      }
      if (event.what !== 'host') return;
      const host = hosts.get(event.entry.written);
      if (!host) return;
      if (event.event.what === 'step') host.step = event.event.step;
      if (event.event.what === 'sent') {
        const { bytes, of } = event.event;
        // What is sent again, or next, begins anew.
        sentBytes += bytes < host.bytes ? bytes : bytes - host.bytes;
        Object.assign(host, { bytes, of });
      }
    },
    render(columns, rows) {
      // Those at hand for longest: they are what somebody looks for.
      const shown = [...hosts].slice(0, Math.max(0, Math.min(hosts.size, rows - 3)));
      const names = shown.map(([written]) => sanitiseLine(written));
      const width = Math.min(longest(names), Math.floor(columns / 2));
      const lines = shown.map(([, host], index) => {
        const name = [...(names[index] ?? '')].slice(0, width).join('').padEnd(width);
        const size =
          host.step === 'place' && host.of > 0 ? ` ${formatSize(host.bytes)} of ${formatSize(host.of)}` : '';
        const took = formatDuration(nowMs() - host.sinceMs);
        const rest = `${DOING[host.step]}${size}, ${took}`;
        return `  ${name}  ${paint('dim', rest.slice(0, Math.max(0, columns - width - 4)))}`;
      });
      const hidden = hosts.size - shown.length;
      if (hidden > 0) lines.push(paint('dim', `  … and ${hidden} more`));
      return [...lines, totals(columns)].join('\n');
    },
  };
}
