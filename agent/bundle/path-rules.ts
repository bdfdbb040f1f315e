import { isPlainPath } from '../../proto/validate-order.ts';

/** Which paths tasks may touch. */
export interface PathRules {
  allows(path: string): boolean;
}

export const ALL_PATHS: PathRules = { allows: () => true };

/**
 * Rules such as `/etc/motd`, `/etc/*.conf` and `/srv/app/**`: a star stands for any characters within one part of a path, two
 * as the last part for the folder itself and all below it. Throws an Error that names a rule which is none of these.
 */
export function parsePathRules(rules: unknown, name: string): PathRules {
  if (!Array.isArray(rules)) throw new Error(`"${name}" is not a list`);
  const matchers = rules.map(matcherOf);
  return { allows: (path) => isPlainPath(path) && matchers.some((matches) => matches(partsOf(path))) };
}

type Matcher = (parts: readonly string[]) => boolean;

function matcherOf(rule: unknown): Matcher {
  if (typeof rule !== 'string' || !isPlainPath(rule))
    throw new Error(`${JSON.stringify(rule)} is not an absolute path in its plain spelling`);
  const wanted = partsOf(rule);
  const isOpen = wanted.at(-1) === '**';
  if (isOpen) wanted.pop();
  if (wanted.some((part) => part.includes('**')))
    throw new Error(`${JSON.stringify(rule)}: two stars stand only for the last part`);
  const patterns = wanted.map((part) => part.split('*'));
  return (parts) =>
    (isOpen ? parts.length >= patterns.length : parts.length === patterns.length) &&
    patterns.every((literals, at) => matchesPart(literals, parts[at] ?? ''));
}

/** The root has none. */
const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '');

/** By its literals from left to right, each at its first place: not slower the more stars there are. */
function matchesPart(literals: readonly string[], part: string): boolean {
  const [first = '', ...rest] = literals;
  const last = rest.pop();
  if (last === undefined) return part === first;
  if (!part.startsWith(first)) return false;
  let at = first.length;
  for (const literal of rest) {
    const found = part.indexOf(literal, at);
    if (found < 0) return false;
    at = found + literal.length;
  }
  return part.length - last.length >= at && part.endsWith(last);
}
