import * as z from 'zod';
import { LIMITS } from '../../../proto/limits.ts';
import { isPlainPath } from '../../../proto/validate-order.ts';
import { describe } from '../../documents/check.ts';
import { parseDuration } from '../duration.ts';
import { Failure } from '../failure.ts';

/** Values of files that people write. Messages say what was expected. */

export const wrong = (what: string) => ({
  error: ({ input }: { input?: unknown }) =>
    input === undefined ? `is missing, expected ${what}` : `expected ${what}, not ${describe(input)}`,
});

export function text(maxBytes: number, what = 'a text') {
  return z
    .string(wrong(what))
    .refine((value) => !value.includes('\0'), 'has a NUL character')
    .refine((value) => Buffer.byteLength(value) <= maxBytes, `is longer than ${maxBytes} bytes`);
}
export const some = (maxBytes: number, what = 'a text') =>
  text(maxBytes, what).refine((value) => value !== '', `expected ${what}, not ""`);

export function matching(accepts: (value: string) => boolean, what: string) {
  return z.string(wrong(what)).refine(accepts, {
    error: ({ input }) => `expected ${what}, not ${describe(input)}`,
  });
}

/** A text that one of the parsers of our options takes. */
export function parsed<T>(parse: (value: string) => T, what: string) {
  return z.string(wrong(what)).transform((value, context) => {
    try {
      return parse(value);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      context.addIssue(error.message);
      return z.NEVER;
    }
  });
}

export const duration = (maxMs: number) =>
  parsed((value) => parseDuration(value, { maxMs }), 'a duration like "10m"');
export const whole = (least: number, most: number) => {
  const what = `a whole number from ${least} to ${most}`;
  return z.int(wrong(what)).refine((value) => value >= least && value <= most, `expected ${what}`);
};
export const path = matching(isPlainPath, 'an absolute path without "//", "." and ".."');
export const source = some(LIMITS.pathBytes, 'the name of a file');
export const mode = matching(
  (value) => /^[0-7]{4}$/.test(value) && value !== '0000',
  'four octal digits in quotes, like "0644"',
).transform((value) => Number.parseInt(value, 8));
export const owner = some(256, 'the name of a user');
export const group = some(256, 'the name of a group');
export const words = z.array(text(LIMITS.argBytes), wrong('a list of texts')).max(LIMITS.argvItems);
export const argv = words.refine(
  ([program]) => program !== undefined && program !== '',
  'expected a program first',
);
export const line = some(LIMITS.argBytes, 'a line for a shell');

export function map<S extends z.ZodRawShape>(shape: S) {
  const keys = Object.keys(shape).join(', ');
  const { error } = wrong(`a map with ${keys}`);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? `is not known here, expected ${keys}` : error(issue),
  });
}
