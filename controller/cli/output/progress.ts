import { formatDuration } from '../duration.ts';
import { countOf } from '../exit-status.ts';
import type { Tally } from '../tally.ts';
import type { Paint } from './paint.ts';
import { sanitiseLine } from './sanitise.ts';

/** `12/38 done · 2 failed · 1 no answer · waiting for: db-1 (14 s), web-3 (sent, 2 s), …`, as much of it as fits. */
export function renderProgress(tally: Tally, nowMs: number, columns: number, paint: Paint): string {
  const counts = tally.counts();
  const failed = countOf(counts, 'failed');
  const noAnswer = countOf(counts, 'no-answer');
  const done = failed + noAnswer + countOf(counts, 'succeeded');
  const parts: [text: string, painted: string][] = [];
  const add = (text: string, painted = text): unknown => parts.push([text, painted]);
  add(`${done}/${tally.total()} done`);
  if (failed > 0) add(`${failed} failed`, paint('red', `${failed} failed`));
  if (noAnswer > 0) add(`${noAnswer} no answer`, paint('yellow', `${noAnswer} no answer`));
  const painted = parts.map((part) => part[1]).join(' · ');
  const used = parts.map((part) => part[0]).join(' · ').length;
  const waiting = tally
    .waiting()
    .slice(0, 20)
    .map(({ name, state, sinceMs }) => {
      const since = formatDuration(Math.max(0, Math.floor((nowMs - sinceMs) / 1000) * 1000)).replace(
        '0 ms',
        '0 s',
      );
      return `${sanitiseLine(name)} (${state === 'running' ? since : `${state}, ${since}`})`;
    });
  const room = columns - used;
  const tail = fitNames(' · waiting for: ', waiting, countOf(counts, 'open'), room);
  return used > columns ? '' : painted + paint('dim', tail);
}

/** As many whole items as fit, then `…` when there are more; nothing where not even one fits. */
function fitNames(head: string, items: readonly string[], total: number, room: number): string {
  let text = '';
  for (const [index, item] of items.entries()) {
    const more = index + 1 < total ? ', …' : '';
    const next = `${index === 0 ? head : `${text}, `}${item}`;
    if (next.length + more.length > room) return index === 0 ? '' : `${text}, …`;
    text = next;
  }
  return items.length < total ? `${text}, …` : text;
}
