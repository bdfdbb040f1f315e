import { labelProblem } from '../../proto/name.ts';
import { namedCharacter, quoted, refuse, refuseControlCharacters } from './problem.ts';

export const SELECTOR_LIMITS = { chars: 16 * 1024, requirements: 64, valueChars: 256 } as const;

/**
 * One condition of a selector. `notin` and `absent` are the exact opposites of `in` and `exists`, as in Kubernetes:
 * `tier!=x` also means agents without a tier.
 */
export interface Requirement {
  readonly key: string;
  /** Whether labels are asked before facts. */
  readonly label: boolean;
  /** The fact that the key names, if it names one. */
  readonly path: readonly string[] | undefined;
  readonly operator: 'in' | 'notin' | 'exists' | 'absent';
  /** Empty for `exists` and `absent`. */
  readonly values: ReadonlySet<string>;
}

/** All must hold. */
export type Selector = readonly Requirement[];

const KEY = 'a label or fact such as role or os.id';
const FACTS_ONLY = 'facts.';

/**
 * Kubernetes' selector syntax: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, separated by commas
 * (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors). Two things differ: a key
 * with a dot that is no label is a path into the facts, and `facts.arch` names a fact that has no dot of its own; values
 * may have the characters of paths and addresses; and an empty selector is refused instead of meaning everybody.
 * Throws MusterError('bad-selector') with a Problem as its cause.
 */
export function parseSelector(text: string): Selector {
  if (text.length > SELECTOR_LIMITS.chars)
    refuse(
      'bad-selector',
      SELECTOR_LIMITS.chars,
      1,
      `the selector is longer than ${SELECTOR_LIMITS.chars} characters`,
    );
  refuseControlCharacters('bad-selector', text);
  if (text.trim() === '') refuse('bad-selector', 0, text.length, `the selector is empty; expected ${KEY}`);
  const scan = scanner(text);
  const requirements: Requirement[] = [];
  do {
    if (requirements.length === SELECTOR_LIMITS.requirements)
      refuse(
        'bad-selector',
        scan.at(),
        1,
        `the selector has more than ${SELECTOR_LIMITS.requirements} conditions`,
      );
    requirements.push(parseRequirement(scan));
  } while (scan.take(','));
  if (!scan.ended()) scan.unexpected('"," or the end');
  return requirements;
}

function parseRequirement(scan: Scanner): Requirement {
  const negated = scan.take('!');
  const start = scan.at();
  const key = scan.word();
  if (key === '') scan.unexpected(KEY);
  const problem = labelProblem(key, '');
  if (problem) refuse('bad-selector', start, key.length, `${quoted(key)}: ${problem}`);
  const explicit = key.startsWith(FACTS_ONLY);
  const path = explicit ? key.slice(FACTS_ONLY.length) : key;
  const named = { key, label: !explicit, path: explicit || path.includes('.') ? path.split('.') : undefined };

  if (negated || scan.ended() || scan.peek() === ',')
    return { ...named, operator: negated ? 'absent' : 'exists', values: new Set() };
  if (scan.take('!=')) return { ...named, operator: 'notin', values: new Set([parseValue(scan)]) };
  if (scan.take('==') || scan.take('='))
    return { ...named, operator: 'in', values: new Set([parseValue(scan)]) };
  const operatorAt = scan.at();
  const operator = scan.word();
  if (operator === '') scan.unexpected('=, ==, !=, in, notin or ","');
  if (operator !== 'in' && operator !== 'notin')
    refuse(
      'bad-selector',
      operatorAt,
      operator.length,
      `expected =, ==, !=, in, notin or ",", found ${quoted(operator)}`,
    );
  return { ...named, operator, values: parseValues(scan) };
}

function parseValues(scan: Scanner): Set<string> {
  if (!scan.take('(')) scan.unexpected('"(" and a list of values');
  const values = new Set<string>();
  do {
    const value = parseValue(scan);
    if (value === '') scan.unexpected('a value');
    values.add(value);
  } while (scan.take(','));
  if (!scan.take(')')) scan.unexpected('"," or ")"');
  return values;
}

/** May be empty: `role=` means the label with the empty value. */
function parseValue(scan: Scanner): string {
  scan.peek();
  const start = scan.at();
  const value = scan.word();
  const wrong = value.search(/[^A-Za-z0-9._:/@+~%-]/);
  if (wrong >= 0) {
    const char = String.fromCodePoint(value.codePointAt(wrong) ?? 0);
    const hint = /["'`]/.test(char) ? '; values are written without quotes' : '';
    refuse('bad-selector', start + wrong, char.length, `${namedCharacter(char)} cannot be in a value${hint}`);
  }
  if (value.length > SELECTOR_LIMITS.valueChars)
    refuse(
      'bad-selector',
      start,
      value.length,
      `the value is longer than ${SELECTOR_LIMITS.valueChars} characters`,
    );
  return value;
}

type Scanner = ReturnType<typeof scanner>;

/** Reads tokens from left to right, spaces before them skipped. */
function scanner(text: string) {
  let position = 0;
  function skipSpaces(): void {
    while (text.charAt(position) === ' ') position++;
  }
  function peek(): string {
    skipSpaces();
    return text.charAt(position);
  }
  return {
    peek,
    at(): number {
      skipSpaces();
      return position;
    },
    ended: (): boolean => peek() === '',
    take(token: string): boolean {
      skipSpaces();
      if (!text.startsWith(token, position)) return false;
      position += token.length;
      return true;
    },
    /** Up to the next space, comma, bracket or operator; may be empty. */
    word(): string {
      skipSpaces();
      const start = position;
      while (position < text.length && !' ,()=!<>'.includes(text.charAt(position))) position++;
      return text.slice(start, position);
    },
    unexpected(expected: string): never {
      const char = peek() === '' ? undefined : String.fromCodePoint(text.codePointAt(position) ?? 0);
      const found = char === undefined ? 'the end' : namedCharacter(char);
      return refuse('bad-selector', position, char?.length ?? 1, `expected ${expected}, found ${found}`);
    },
  };
}
