import { type Glob, globMatches } from '../../targeting/glob.ts';
import type { HostEntry } from '../host.ts';

/**
 * Some of the entries, for another run: names and globs (`*`, `?`) with commas between them, `!` before those to leave out. Each is compared with
 * what was written, the agent's name, the host and its labels of groups (`group.web`). `unknown`: those that are of nobody.
 */
export function limitHosts(
  entries: readonly HostEntry[],
  expression: string,
): { entries: HostEntry[]; unknown: string[] } {
  const terms = expression
    .split(',')
    .map((term) => term.trim())
    .filter((term) => term !== '')
    .map((written) => {
      const out = written.startsWith('!');
      const text = (out ? written.slice(1) : written).toLowerCase();
      return { written, out, text, glob: /[*?]/.test(text) ? [...text].map(partOf) : undefined, used: false };
    });
  const anyIn = terms.some(({ out }) => !out);
  const kept = entries.filter((entry) => {
    const names = [entry.written, entry.name ?? '', entry.host].map((name) => name.toLowerCase());
    let taken = !anyIn;
    let left = false;
    for (const term of terms) {
      const meant = names.some((name) => (term.glob ? globMatches(term.glob, name) : term.text === name));
      if (!meant) continue;
      term.used = true;
      if (term.out) left = true;
      else taken = true;
    }
    return taken && !left;
  });
  return { entries: kept, unknown: terms.filter(({ used }) => !used).map(({ written }) => written) };
}

const partOf = (char: string): Glob[number] =>
  char === '*' ? { kind: 'run' } : char === '?' ? { kind: 'one' } : { kind: 'literal', char };
