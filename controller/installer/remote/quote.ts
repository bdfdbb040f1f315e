/** Shell text (POSIX sh) that is this text and nothing else, whatever is in it. Throws for NUL, which no shell can say. */
export function quoted(text: string): string {
  if (text.includes('\0')) throw new Error('a shell word holds no NUL');
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** What is known only where a script runs: the value of one of its variables. */
export interface Variable {
  readonly variable: string;
}

/** One word of shell text. */
export const wordOf = (text: string | Variable): string =>
  typeof text === 'string' ? quoted(text) : `"$${text.variable}"`;
