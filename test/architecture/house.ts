import { codeOf, type Source } from './source.ts';

const MOST_LINES = 350;
const BANNED_NAMES = [
  'util',
  'utils',
  'helper',
  'helpers',
  'common',
  'type',
  'types',
  'misc',
  'lib',
  'shared',
];

/** Of the product: a table of tests is one idea, however long. */
export function sizeProblems(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => !path.startsWith('test/'))
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > MOST_LINES)
    .map(({ path, lines }) => `${path}: ${lines} lines; past ${MOST_LINES} it is usually two ideas`);
}

export function nameProblems(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path }) =>
    path.split('/').flatMap((part) => {
      const name = part.replace(/(?:\.test)?\.ts$/, '');
      if (BANNED_NAMES.includes(name)) return [`${path}: "${name}" says nothing of what is in it`];
      return /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name) ? [] : [`${path}: "${part}" is not kebab-case`];
    }),
  );
}

interface Word {
  what: RegExp;
  why: string;
  /** Looked for in comments as well. */
  comments?: boolean;
}

const WORDS: readonly Word[] = [
  {
    what: /\b(?:T[O]DO|F[I]XME|X{3}|H[A]CK)\b/,
    why: 'what is not done is in the README, not in the code',
    comments: true,
  },
  {
    what: /@ts-(?:ignore|nocheck|expect-error(?! \S+ \S+))\b/,
    why: 'an error is expected for a reason of a few words, or mended',
    comments: true,
  },
  {
    what: /biome-[i]gnore(?! \S+: \S+ \S+)/,
    why: 'a rule is set aside for a reason of a few words',
    comments: true,
  },
  { what: /(?:[:<,|]\s*|\bas\s+)any\b(?!\s*[:(,]\s*\S)/, why: 'unknown, and a check' },
  { what: /\.only\(|\bonly:\s*true\b/, why: 'it keeps all other tests from running' },
  {
    what: /\b(?:test|it|suite|describe)\.(?:skip|todo)\(|\bskip:\s*true\b|\bt\.skip\(\s*\)/,
    why: 'a skip gives its reason: requires()',
  },
];

export function wordProblems(sources: readonly Source[], words = WORDS): string[] {
  return sources.flatMap(({ path, text }) => {
    const code = codeOf(text).split('\n');
    return text.split('\n').flatMap((line, index) =>
      words.flatMap(({ what, why, comments }) => {
        const found = what.exec(comments ? line : (code[index] ?? ''));
        return found === null ? [] : [`${path}:${index + 1}: ${found[0].trim()}: ${why}`];
      }),
    );
  });
}
