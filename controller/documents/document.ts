import {
  Composer,
  type CST,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  Parser,
  visit,
  type YAMLParseError,
  type Document as YamlDocument,
} from 'yaml';

/**
 * YAML as plain data, with the line of each part: the part of YAML 1.2 that says what it looks like. Maps with text keys, lists, texts,
 * numbers, true, false and null; no tags, anchors, aliases, merge keys, directives and second documents. Pure.
 */

export interface Problem {
  /** From 1. */
  line: number;
  /** `tasks[2].file.mode`; empty: of the file. */
  path: string;
  message: string;
}

export type Path = readonly (string | number)[];

export interface Document {
  value: unknown;
  /** The line where this part, or the nearest that holds it, begins. */
  lineOf(path: Path): number;
}

/** Deeper is no bundle; and what follows the tokens recurses. */
const MOST_DEEP = 16;
/** Keys are compared each with each. */
const MOST_KEYS = 512;
const MOST_REFUSED = 50;

export function readDocument(text: string): { document: Document } | { problems: Problem[] } {
  const lines = new LineCounter();
  const at = (offset: number, message: string): Problem => ({
    line: lines.linePos(offset).line || 1,
    path: '',
    message,
  });
  const stray = strayCharacter(text);
  if (stray !== undefined) {
    for (let i = 0; i >= 0 && i <= stray; i = text.indexOf('\n', i) + 1 || -1) lines.addNewLine(i);
    return { problems: [at(stray, `expected text, found the control character ${hexOf(text, stray)}`)] };
  }
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const refused = refusedTokens(tokens);
  if (refused.length > 0) return { problems: refused.map(({ offset, message }) => at(offset, message)) };
  const documents = [...new Composer(OPTIONS).compose(tokens, true, text.length)];
  const [document, second] = documents;
  if (document === undefined) return { problems: [at(0, 'the file is empty')] };
  const problems = document.errors.map((error) => at(error.pos[0], messageOf(error, text)));
  if (second) problems.push(at(second.range[0], 'expected one document, "---" begins a second one'));
  visit(document, {
    Pair(_, { key }) {
      // The one key that JavaScript's maps do not keep as they keep others.
      if (isScalar(key) && key.value === '__proto__')
        problems.push(at(startOf(key) ?? 0, '"__proto__" is no key here'));
    },
  });
  if (problems.length > 0) return { problems };
  if (document.contents === null) return { problems: [at(0, 'the file is empty')] };
  return {
    document: {
      value: document.toJS({ maxAliasCount: 0 }),
      lineOf: (path) => lines.linePos(offsetOf(document, path)).line,
    },
  };
}

const OPTIONS = {
  version: '1.2',
  schema: 'core',
  strict: true,
  uniqueKeys: true,
  stringKeys: true,
  merge: false,
  prettyErrors: false,
} as const;

/** The first character that no text file holds. */
function strayCharacter(text: string): number | undefined {
  const found = text.search(/[^\P{Cc}\t\n\r]/u);
  return found < 0 ? undefined : found;
}

function hexOf(text: string, offset: number): string {
  return `0x${text.charCodeAt(offset).toString(16).padStart(2, '0')}`;
}

interface Refused {
  offset: number;
  message: string;
}

const REFUSED: Readonly<Record<string, string>> = {
  anchor: 'anchors ("&name") are not taken here; write the value again',
  alias: 'aliases ("*name") are not taken here; write the value again',
  tag: 'tags ("!name") are not taken here; write plain values',
  directive: 'directives ("%NAME") are not taken here',
};

/** What the tokens already show, found without recursion: a file of a megabyte may be one bracket in another. */
function refusedTokens(tokens: readonly CST.Token[]): Refused[] {
  const refused: Refused[] = [];
  const open: { token: CST.Token; depth: number }[] = tokens.map((token) => ({ token, depth: 0 })).reverse();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    const message = REFUSED[token.type];
    if (message !== undefined) refused.push({ offset: token.offset, message });
    if (depth > MOST_DEEP) return [{ offset: token.offset, message: `deeper than ${MOST_DEEP} levels` }];
    if (token.type === 'scalar' && token.source === '<<')
      refused.push({ offset: token.offset, message: 'merge keys and the like ("<<") are not taken here' });
    if ('items' in token && token.items.length > MOST_KEYS && token.items.some(({ sep }) => sep))
      return [{ offset: token.offset, message: `more than ${MOST_KEYS} keys` }];
    if (refused.length >= MOST_REFUSED) return refused;
    for (const inner of partsOf(token).reverse())
      open.push({ token: inner, depth: depth + ('items' in inner ? 1 : 0) });
  }
  return refused;
}

function partsOf(token: CST.Token): CST.Token[] {
  if (token.type === 'document') return token.value ? [...token.start, token.value] : token.start;
  if ('props' in token) return [...token.props];
  if (!('items' in token)) return [];
  return (token.items as CST.CollectionItem[]).flatMap(({ start, key, sep, value }) =>
    [start, key ?? [], sep ?? [], value ?? []].flat(),
  );
}

function messageOf({ code, pos, message }: YAMLParseError, text: string): string {
  const found = /[^\s:,{}]*/.exec(text.slice(pos[0], pos[0] + 64))?.[0];
  switch (code) {
    case 'DUPLICATE_KEY':
      return `the key ${found} is there twice`;
    case 'NON_STRING_KEY':
      return `expected a text as key, put ${found} in quotes`;
    case 'TAB_AS_INDENT':
      return 'expected spaces: a tab cannot indent';
    default:
      return `not YAML: ${message}`;
  }
}

function offsetOf(document: YamlDocument, path: Path): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === part);
      if (!isPair(pair)) break;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof part === 'number') {
      node = node.items[part];
      offset = startOf(node) ?? offset;
    } else break;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null)?.range?.[0];
}
