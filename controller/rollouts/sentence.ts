import { quoted } from '../targeting/problem.ts';

const MOST = 3;

/** `web-1, web-2, web-3 and 4 more`: enough to begin to look. */
export function namesOf(hosts: readonly { readonly name: string }[]): string {
  const shown = hosts.slice(0, MOST).map(({ name }) => name);
  const more = hosts.length - shown.length;
  if (more > 0) return `${shown.join(', ')} and ${more} more`;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

/** `1 host`, `2 hosts`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** Of a wave: one without a name of its own is called by its number. */
export function titled(name: string): string {
  return /^wave \d+$/.test(name) ? name : `wave ${quoted(name)}`;
}
