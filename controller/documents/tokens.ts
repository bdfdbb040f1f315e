import type { CST, YAMLParseError } from 'yaml';

/** What is found in a text before YAML is made of it, and sentences for what YAML finds. */

/** The first character that no text file holds. */
export function strayCharacter(text: string): { line: number; message: string } | undefined {
  const at = text.search(/[^\P{Cc}\t\n\r]/u);
  if (at < 0) return undefined;
  const hex = text.charCodeAt(at).toString(16).padStart(2, '0');
  return {
    line: text.slice(0, at).split('\n').length,
    message: `expected text, found the control character 0x${hex}`,
  };
}

export interface Refused {
  offset: number;
  message: string;
}

const MOST_REFUSED = 50;

/**
 * What the tokens already show, found without recursion: a file of a megabyte may be one bracket in another, and what follows the tokens
 * recurses. `sentences` says of a kind of token, and of the key `<<`, why it is refused.
 */
export function refusedTokens(
  tokens: readonly CST.Token[],
  sentences: Readonly<Record<string, string>>,
  most: { readonly deep: number; readonly keys: number },
): Refused[] {
  const refused: Refused[] = [];
  const open: { token: CST.Token; depth: number }[] = tokens.map((token) => ({ token, depth: 0 })).reverse();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    const message = sentences[token.type === 'scalar' && token.source === '<<' ? '<<' : token.type];
    if (message !== undefined) refused.push({ offset: token.offset, message });
    if (depth > most.deep) return [{ offset: token.offset, message: `deeper than ${most.deep} levels` }];
    if ('items' in token && token.items.length > most.keys && token.items.some(({ sep }) => sep))
      return [{ offset: token.offset, message: `more than ${most.keys} keys` }];
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

export function messageOf({ code, pos, message }: YAMLParseError, text: string): string {
  const found = /[^\s:,{}]*/.exec(text.slice(pos[0], pos[0] + 64))?.[0];
  switch (code) {
    case 'DUPLICATE_KEY':
      return `the key ${found} is there twice`;
    case 'NON_STRING_KEY':
      return `expected a text as key, put ${found} in quotes`;
    case 'TAB_AS_INDENT':
      return 'expected spaces: a tab cannot indent';
    default:
      // What the parser quotes may be a secret's text, and may hold anything.
      return `not YAML: ${message.replace(/(?<=\w): .*$/s, '')}`;
  }
}
