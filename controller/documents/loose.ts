import {
  Composer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  Parser,
  visit,
  type Document as YamlDocument,
  type Node as YamlNode,
} from 'yaml';
import type { Problem } from './document.ts';
import { messageOf, refusedTokens, strayCharacter } from './tokens.ts';

/**
 * YAML as other programs have it: with anchors, merge keys and tags. Only what is looked at is made, so that aliases of aliases cost nothing.
 * Values stay texts, as they were written. Pure.
 */
export type Loose =
  | { readonly kind: 'map'; readonly line: number; entries(): LooseEntry[] }
  | { readonly kind: 'list'; readonly line: number; items(): Loose[] }
  | { readonly kind: 'text'; readonly line: number; readonly text: string }
  | { readonly kind: 'nothing'; readonly line: number }
  /** Under a tag of its own (`!vault`): what is in it is nobody's business here. */
  | { readonly kind: 'sealed'; readonly line: number };

export interface LooseEntry {
  readonly key: string;
  readonly line: number;
  readonly value: Loose;
}

const MOST = { deep: 100, keys: Number.POSITIVE_INFINITY } as const;

const OPTIONS = {
  version: '1.2',
  schema: 'core',
  strict: true,
  uniqueKeys: false,
  merge: false,
  prettyErrors: false,
  logLevel: 'silent',
} as const;

/** The same key twice gives two entries, in their order. */
export function readLoose(text: string): { root: Loose } | { problems: Problem[] } {
  const stray = strayCharacter(text);
  if (stray !== undefined) return { problems: [{ ...stray, path: '' }] };
  const lines = new LineCounter();
  const lineAt = (offset: number): number => lines.linePos(offset).line || 1;
  const tokens = [...new Parser(lines.addNewLine).parse(text)];
  const refused = refusedTokens(tokens, {}, MOST);
  if (refused.length > 0)
    return { problems: refused.map(({ offset, message }) => ({ line: lineAt(offset), path: '', message })) };
  const [document, second] = [...new Composer(OPTIONS).compose(tokens, true, text.length)];
  if (document === undefined) return { root: { kind: 'nothing', line: 1 } };
  const problems = document.errors.map((error) => ({
    line: lineAt(error.pos[0]),
    path: '',
    message: messageOf(error, text),
  }));
  if (second)
    problems.push({
      line: lineAt(second.range[0]),
      path: '',
      message: 'expected one document, "---" begins a second one',
    });
  if (problems.length > 0) return { problems };
  return { root: looseOf(document.contents, { targets: targetsOf(document), lineAt, merges: 10_000 }, 1) };
}

interface Reading {
  /** How many maps merge keys may still bring: each may bring others, and those again. */
  merges: number;
  /** What an alias stands for. */
  readonly targets: ReadonlyMap<unknown, YamlNode>;
  lineAt(offset: number): number;
}

function targetsOf(document: YamlDocument): Map<unknown, YamlNode> {
  const anchors = new Map<string, YamlNode>();
  const targets = new Map<unknown, YamlNode>();
  visit(document, {
    Node(_, node) {
      if (isAlias(node)) {
        const target = anchors.get(node.source);
        if (target) targets.set(node, target);
      } else if (node.anchor) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

/** `before`: the line of what holds it, for what has no place of its own. */
function looseOf(found: unknown, reading: Reading, before: number): Loose {
  const node = isAlias(found) ? reading.targets.get(found) : found;
  const offset = (found as YamlNode | null)?.range?.[0];
  const line = offset === undefined ? before : reading.lineAt(offset);
  if (isMap(node)) return { kind: 'map', line, entries: () => entriesOf(node, reading, line) };
  if (isSeq(node))
    return { kind: 'list', line, items: () => node.items.map((item) => looseOf(item, reading, line)) };
  if (!isScalar(node) || node.value === null) return { kind: 'nothing', line };
  if (node.tag?.startsWith('!') && node.tag !== '!unsafe') return { kind: 'sealed', line };
  const { value, source } = node;
  return { kind: 'text', line, text: typeof value === 'string' ? value : (source ?? String(value)) };
}

/** What a merge key brings comes first, without what the map has of its own. */
function entriesOf(map: unknown, reading: Reading, before: number): LooseEntry[] {
  if (!isMap(map)) return [];
  const own: LooseEntry[] = [];
  const merged: LooseEntry[] = [];
  for (const { key, value } of map.items) {
    const name = looseOf(key, reading, before);
    if (name.kind !== 'text') continue;
    if (name.text === '<<' && reading.merges > 0) {
      const from = isSeq(value) ? value.items : [value];
      for (const one of from) {
        reading.merges -= 1;
        const target = isAlias(one) ? reading.targets.get(one) : one;
        merged.push(...entriesOf(target, reading, name.line));
      }
    } else own.push({ key: name.text, line: name.line, value: looseOf(value, reading, name.line) });
  }
  if (merged.length === 0) return own;
  const seen = new Set(own.map(({ key }) => key));
  const kept = merged.filter(({ key }) => !seen.has(key) && seen.add(key));
  return [...kept, ...own];
}
