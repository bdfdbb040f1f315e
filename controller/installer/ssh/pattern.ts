import { type Glob, globMatches } from '../../targeting/glob.ts';

/** OpenSSH's patterns (ssh_config(5), PATTERNS): `*` any run of characters, `?` one, `!` before it: not these. */
export interface Pattern {
  readonly negated: boolean;
  /** Undefined: only this text itself. */
  readonly glob: Glob | undefined;
  readonly text: string;
}

export function readPattern(written: string): Pattern {
  const negated = written.startsWith('!');
  const text = negated ? written.slice(1) : written;
  return { negated, text, glob: /[*?]/.test(text) ? [...text].map(partOf) : undefined };
}

const partOf = (char: string): Glob[number] =>
  char === '*' ? { kind: 'run' } : char === '?' ? { kind: 'one' } : { kind: 'literal', char };

/** One that is negated and matches decides, wherever it stands. */
export function patternsMatch(patterns: readonly Pattern[], text: string): boolean {
  let matched = false;
  for (const { negated, glob, text: own } of patterns) {
    if (glob === undefined ? own !== text : !globMatches(glob, text)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}
