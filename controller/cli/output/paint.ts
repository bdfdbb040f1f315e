import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'magenta' | 'blue';
/** Colours a text, or leaves it as it is where there is no terminal. */
export type Paint = (style: Style, text: string) => string;

export const plain: Paint = (_, text) => text;
const coloured: Paint = (style, text) => styleText(style, text, { validateStream: false });

/** https://no-color.org: any value that is not empty means no colour. */
export function wantsColour(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  return isTerminal && !env.NO_COLOR && env.TERM !== 'dumb';
}

export function paintFor(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): Paint {
  return wantsColour(isTerminal, env) ? coloured : plain;
}
