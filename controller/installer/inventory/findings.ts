import type { HostEntry } from '../host.ts';
import type { Problem } from './source.ts';

/** What readers of this folder add to while they read. */
export interface Findings {
  readonly entries: HostEntry[];
  problem(from: string, message: string, host?: string): void;
  /** The same sentence is told once, with its first places and how many more there are. */
  note(from: string, sentence: string): void;
  /** As far as it got. */
  readonly problems: Problem[];
  notes(): string[];
}

/** A problem of a group's variable is one problem, however many hosts it has. */
export function createFindings(): Findings {
  const entries: HostEntry[] = [];
  const problems: Problem[] = [];
  const told = new Map<string, string[] | undefined>();
  const places = new Map<string, Set<string>>();
  return {
    entries,
    problems,
    problem(from, written, host) {
      const message = printable(written);
      const key = `${from}\n${message}`;
      const hosts = told.get(key);
      if (host !== undefined && hosts) hosts.push(host);
      if (told.has(key)) return;
      const of = host === undefined ? undefined : [host];
      told.set(key, of);
      problems.push({ from, message, ...(of === undefined ? {} : { hosts: of }) });
    },
    note(from, sentence) {
      const at = places.get(sentence);
      if (at) at.add(from);
      else places.set(sentence, new Set([from]));
    },
    notes: () =>
      [...places].map(([sentence, at]) => {
        const named = [...at].slice(0, MOST_PLACES).join(', ');
        return `${named}${at.size > MOST_PLACES ? ` and ${at.size - MOST_PLACES} more` : ''}: ${sentence}`;
      }),
  };
}

const MOST_PLACES = 3;

/** Most is so already; what a shape or a parser says may quote the file. */
const printable = (text: string): string =>
  text.replace(
    /[^ -~…]/gu,
    (char) => `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`,
  );
