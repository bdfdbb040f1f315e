import { RUN_STATES } from '../../api/contract.ts';
import { VERDICT } from '../exit-status.ts';
import type { Tally } from '../tally.ts';
import type { Paint } from './paint.ts';

/**
 * `12/38 done · 2 failed · 1 expired · waiting for 25: db-1 (running, silent 14 s), …`, as much of it as fits; what did not succeed has
 * its own count, state by state. `waiting`: those to name.
 */
export function renderProgress(
  tally: Pick<Tally, 'counts' | 'total'>,
  waiting: readonly string[],
  columns: number,
  paint: Paint,
): string {
  const counts = tally.counts();
  const parts: [text: string, painted: string][] = [];
  let open = 0;
  for (const state of RUN_STATES) {
    const count = counts[state] ?? 0;
    const verdict = VERDICT[state];
    if (verdict === 'open') open += count;
    else if (count > 0 && verdict !== 'succeeded')
      parts.push([`${count} ${state}`, paint(verdict === 'failed' ? 'red' : 'yellow', `${count} ${state}`)]);
  }
  const done = `${tally.total() - open}/${tally.total()} done`;
  parts.unshift([done, done]);
  const painted = parts.map((part) => part[1]).join(' · ');
  const used = parts.map((part) => part[0]).join(' · ').length;
  if (used > columns) return '';
  return painted + paint('dim', fitNames(` · waiting for ${open}: `, waiting, open, columns - used));
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
  return items.length > 0 && items.length < total ? `${text}, …` : text;
}
