/** Pure: zypper's answers are XML; what is not well formed is no answer. */
import { SaxesParser } from 'saxes';

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** All that is written in it, of elements in it as well. */
  readonly text: string;
  /** Names of the elements that it is in, the outermost first. */
  readonly within: readonly string[];
}

/** All elements in the order in which they end. Throws an Error where the text is not one whole document. */
export function readXml(text: string): readonly Element[] {
  const found: Element[] = [];
  const open: { name: string; attributes: Record<string, string>; text: string }[] = [];
  // What is broken throws, from its first mistake on.
  const parser = new SaxesParser();
  parser.on('error', (cause) => {
    throw new Error(`zypper's answer cannot be read: ${cause.message}`);
  });
  parser.on('opentag', ({ name, attributes }) =>
    open.push({ name, attributes: Object.assign(Object.create(null), attributes), text: '' }),
  );
  parser.on('text', (piece) => {
    for (const one of open) one.text += piece;
  });
  parser.on('closetag', () => {
    const ended = open.pop();
    if (ended) found.push({ ...ended, within: open.map(({ name }) => name) });
  });
  parser.write(text).close();
  return found;
}
