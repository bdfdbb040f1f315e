import {
  Composer,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  Parser,
  visit,
  type Document as YamlDocument,
} from 'yaml';
import { messageOf, refusedTokens, strayCharacter } from './tokens.ts';

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

/** Deeper is no file that a person writes. Keys are compared each with each. */
const MOST = { deep: 16, keys: 512 } as const;

const REFUSED: Readonly<Record<string, string>> = {
  anchor: 'anchors ("&name") are not taken here; write the value again',
  alias: 'aliases ("*name") are not taken here; write the value again',
  tag: 'tags ("!name") are not taken here; write plain values',
  directive: 'directives ("%NAME") are not taken here',
  '<<': 'merge keys and the like ("<<") are not taken here',
};

export function readDocument(text: string): { document: Document } | { problems: Problem[] } {
  const lines = new LineCounter();
  const at = (offset: number, message: string): Problem => ({
    line: lines.linePos(offset).line || 1,
    path: '',
    message,
  });
  const stray = strayCharacter(text);
  if (stray !== undefined) return { problems: [{ ...stray, path: '' }] };
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const refused = refusedTokens(tokens, REFUSED, MOST);
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
