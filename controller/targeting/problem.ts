import { type ErrorCode, MusterError } from '../../proto/errors.ts';

/**
 * What is wrong with an expression, and where: enough to draw a caret under it.
 * `column` is 1-based and counts UTF-16 units of the text as it was given; `length` is at least 1.
 */
export interface Problem {
  readonly column: number;
  readonly length: number;
  readonly message: string;
}

/** Throws a MusterError whose detail names the column and whose `cause` is the Problem. `start` is 0-based. */
export function refuse(code: ErrorCode, start: number, length: number, message: string): never {
  const problem: Problem = { column: start + 1, length: Math.max(1, length), message };
  throw new MusterError(code, `column ${problem.column}: ${message}`, { cause: problem });
}

/** The place that an error of this folder points at, or undefined for any other error. */
export function problemOf(error: unknown): Problem | undefined {
  if (!(error instanceof MusterError)) return undefined;
  const cause: unknown = error.cause;
  if (typeof cause !== 'object' || cause === null) return undefined;
  if (!('column' in cause && 'length' in cause && 'message' in cause)) return undefined;
  const { column, length, message } = cause;
  if (typeof column !== 'number' || typeof length !== 'number' || typeof message !== 'string')
    return undefined;
  return { column, length, message };
}

/** A piece of an expression, quoted for a message: printable ASCII only, and never long. */
export function quoted(text: string): string {
  const longest = 40;
  const shown = [...text.slice(0, longest)]
    .map((char) => (isPrintable(char) ? char : codePoint(char)))
    .join('');
  return `"${shown}${text.length > longest ? '…' : ''}"`;
}

/** One character for a message: quoted where it can be seen, `U+202E` where it cannot. */
export function namedCharacter(char: string): string {
  return isPrintable(char) && char !== ' ' ? `"${char}"` : char === ' ' ? 'a space' : codePoint(char);
}

function isPrintable(char: string): boolean {
  return char >= ' ' && char <= '~';
}

function codePoint(char: string): string {
  return `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

/** Control characters have no place in an expression, and a caret could not be drawn under them. */
export function refuseControlCharacters(code: ErrorCode, text: string): void {
  const start = text.search(/[\u0000-\u001f\u007f-\u009f]/);
  if (start >= 0)
    refuse(
      code,
      start,
      1,
      `the control character ${codePoint(text.charAt(start))} is not allowed; separate with commas`,
    );
}
