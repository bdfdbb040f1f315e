import { LIMITS } from '../../proto/limits.ts';
import { nameProblem } from '../../proto/name.ts';
import type { Glob, GlobPart } from './glob.ts';
import { namedCharacter, quoted, refuse, refuseControlCharacters } from './problem.ts';

/** Room for one full id per agent of the largest fleet; globs cost one match per agent, so they are fewer. */
export const TARGET_LIMITS = { chars: 512 * 1024, items: 10_000, globs: 100, globChars: 512 } as const;

/** One side of a target list. */
export interface TargetTerms {
  readonly all: boolean;
  /** Exact names and full ids: in lower case -> as written (with its `!`). */
  readonly names: ReadonlyMap<string, string>;
  readonly globs: readonly Glob[];
}

/** A parsed `-t`. Who is excluded stays out, wherever in the list that was said. */
export interface TargetList {
  readonly include: TargetTerms;
  readonly exclude: TargetTerms;
}

/** No agent is called so; these are ids. */
const ID = new RegExp(`^[0-9a-f]{${2 * LIMITS.keyIdBytes}}$`);

interface OpenTerms {
  all: boolean;
  names: Map<string, string>;
  globs: Glob[];
}

/**
 * `web-*,db-1,!web-9`: names, full agent ids, globs, `all`, and exclusions with `!`, separated by commas. Names have no
 * upper case, so what is written in upper case means the same as in lower case, above all in an exclusion.
 * Throws MusterError('bad-target') with a Problem as its cause.
 */
export function parseTargets(text: string): TargetList {
  if (text.length > TARGET_LIMITS.chars)
    refuse('bad-target', TARGET_LIMITS.chars, 1, `the list is longer than ${TARGET_LIMITS.chars} characters`);
  refuseControlCharacters('bad-target', text);
  if (text.trim() === '')
    refuse('bad-target', 0, text.length, 'the list is empty; expected names, globs or all');

  const include: OpenTerms = { all: false, names: new Map(), globs: [] };
  const exclude: OpenTerms = { all: false, names: new Map(), globs: [] };
  let items = 0;
  for (let start = 0; start <= text.length; ) {
    const comma = text.indexOf(',', start);
    const end = comma < 0 ? text.length : comma;
    if (++items > TARGET_LIMITS.items)
      refuse('bad-target', start, end - start, `the list has more than ${TARGET_LIMITS.items} items`);
    const raw = text.slice(start, end);
    const item = raw.trim();
    const at = start + raw.length - raw.trimStart().length;
    if (item === '') refuse('bad-target', start, raw.length, 'expected a name, a glob or all, found nothing');
    if (item.startsWith('!')) addItem(exclude, item, at, 1);
    else addItem(include, item, at, 0);
    start = end + 1;
  }
  if (include.globs.length + exclude.globs.length > TARGET_LIMITS.globs)
    refuse('bad-target', 0, text.length, `the list has more than ${TARGET_LIMITS.globs} globs`);
  if (!include.all && include.names.size === 0 && include.globs.length === 0)
    refuse(
      'bad-target',
      0,
      text.length,
      `only exclusions; to mean everybody else, write ${quoted(`all,${text.trim()}`)}`,
    );
  return { include, exclude };
}

/** `at` is where the item begins in the whole text; `skip` is 1 behind a `!`. */
function addItem(terms: OpenTerms, item: string, at: number, skip: 0 | 1): void {
  // ASCII only: Unicode folding would turn a Kelvin sign into a k.
  const body = item.slice(skip).replace(/[A-Z]/g, (char) => char.toLowerCase());
  const start = at + skip;
  if (body === '') refuse('bad-target', at, 1, 'expected a name or a glob after "!"');
  if (body === 'all') {
    if (skip === 1) refuse('bad-target', at, item.length, '"!all" would leave nobody');
    terms.all = true;
  } else if (/[*?[]/.test(body)) {
    terms.globs.push(parseGlob(body, start));
  } else {
    const wrong = body.search(/[^a-z0-9._-]/);
    if (wrong >= 0) refuseCharacter(body, wrong, start);
    const problem = ID.test(body) ? undefined : nameProblem(body);
    if (problem) refuse('bad-target', start, body.length, `${quoted(body)}: ${problem}`);
    terms.names.set(body, item);
  }
}

function parseGlob(body: string, start: number): Glob {
  if (body.length > TARGET_LIMITS.globChars)
    refuse('bad-target', start, body.length, `the glob is longer than ${TARGET_LIMITS.globChars} characters`);
  const parts: GlobPart[] = [];
  for (let at = 0; at < body.length; at++) {
    const char = body.charAt(at);
    if (char === '*') {
      if (parts.at(-1)?.kind !== 'run') parts.push({ kind: 'run' });
    } else if (char === '?') {
      parts.push({ kind: 'one' });
    } else if (char === '[') {
      const close = body.indexOf(']', at);
      if (close < 0) refuse('bad-target', start + at, body.length - at, 'expected "]" to close this class');
      parts.push(parseClass(body.slice(at + 1, close), start + at + 1));
      at = close;
    } else if (/[a-z0-9._-]/.test(char)) {
      parts.push({ kind: 'literal', char });
    } else {
      refuseCharacter(body, at, start);
    }
  }
  return parts;
}

/** What stands between the brackets; a dash at either end is itself. */
function parseClass(inside: string, start: number): GlobPart {
  const negated = inside.startsWith('!');
  const body = negated ? inside.slice(1) : inside;
  const offset = start + (negated ? 1 : 0);
  if (body === '')
    refuse('bad-target', start - 1, inside.length + 2, 'this class is empty; expected [abc] or [a-z]');
  const chars = new Set<string>();
  for (let at = 0; at < body.length; at++) {
    const low = body.charAt(at);
    if (!/[a-z0-9._-]/.test(low)) refuseCharacter(body, at, offset);
    const high = body.charAt(at + 2);
    if (body.charAt(at + 1) !== '-' || high === '') {
      chars.add(low);
      continue;
    }
    if (!/^(?:[a-z][a-z]|[0-9][0-9])$/.test(low + high) || low > high)
      refuse(
        'bad-target',
        offset + at,
        3,
        `${quoted(body.slice(at, at + 3))} is not a range; expected such as a-z or 0-9`,
      );
    for (let code = low.charCodeAt(0); code <= high.charCodeAt(0); code++)
      chars.add(String.fromCharCode(code));
    at += 2;
  }
  return { kind: 'class', negated, chars };
}

function refuseCharacter(body: string, at: number, start: number): never {
  const char = String.fromCodePoint(body.codePointAt(at) ?? 0);
  const hint = ' :;|&'.includes(char) ? '; separate names with commas' : '';
  const allowed = `up to ${LIMITS.nameChars} letters, digits, dots, dashes and underscores`;
  refuse(
    'bad-target',
    start + at,
    char.length,
    `${namedCharacter(char)} cannot be in a name (${allowed})${hint}`,
  );
}
