import * as z from 'zod';
import { LIMITS } from '../../../proto/limits.ts';
import { labelProblem, nameProblem } from '../../../proto/name.ts';
import { describe } from '../../documents/check.ts';
import { readJumps } from '../ssh/proxy-jump.ts';
import { readAddress, userProblem } from './address.ts';

/** What Muster's own list of hosts may hold; docs/install.md is the same in words. Messages say what was expected. */

const wrong = (what: string) => ({
  error: ({ input }: { input?: unknown }) =>
    input === undefined ? `is missing, expected ${what}` : `expected ${what}, not ${describe(input)}`,
});

/** A text of which `problemOf` says why it is refused. */
function text(what: string, problemOf: (value: string) => string | undefined) {
  return z.string(wrong(what)).superRefine((value, context) => {
    const problem = problemOf(value);
    if (problem !== undefined) context.addIssue(problem);
  });
}

const addressProblem = (value: string): string | undefined => {
  const read = readAddress(value);
  return 'problem' in read ? read.problem : undefined;
};
const address = text('a host such as "web-1" or "root@10.0.0.7:2222"', addressProblem);

const port = z
  .int(wrong('a port from 1 to 65535'))
  .min(1, 'expected a port from 1 to 65535')
  .max(65_535, 'expected a port from 1 to 65535');
const labels = z
  .record(z.string(), z.string(wrong('a text')), wrong('labels such as {role: web}'))
  .superRefine((given, context) => {
    for (const [key, value] of Object.entries(given)) {
      const problem = labelProblem(key, value);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem, path: [key] });
    }
    if (Object.keys(given).length > LIMITS.labelsPerAgent)
      context.addIssue(`more than ${LIMITS.labelsPerAgent} labels`);
  });
const jump = z.union(
  [
    z.string().transform((value, context) => {
      const read = readJumps(value);
      if ('jumps' in read) return read.jumps;
      context.addIssue(read.problem);
      return z.NEVER;
    }),
    z.array(address),
  ],
  wrong('hosts to jump over, as for ProxyJump'),
);
const path = text('the name of a file', (value) =>
  value === '' ? 'expected the name of a file' : undefined,
);
const identity = z.union(
  [path.transform((value) => [value]), z.array(path)],
  wrong('the name of a file with a key, or a list of them'),
);

const COMMON = {
  user: text('a user', userProblem).exactOptional(),
  port: port.exactOptional(),
  identity: identity.exactOptional(),
  jump: jump.exactOptional(),
  sudo: z.boolean(wrong('true or false')).exactOptional(),
  labels: labels.exactOptional(),
};

const strict = <T extends z.core.$ZodLooseShape>(shape: T, what: string) =>
  z.strictObject(shape, {
    error: ({ code, input }) =>
      code === 'unrecognized_keys' ? 'is no key here' : `expected ${what}, not ${describe(input)}`,
  });

export const HOST = strict(
  { host: address, name: text('a name', nameProblem).exactOptional(), ...COMMON },
  'a host: a text, or a map with the key host',
);
export type CheckedHost = z.infer<typeof HOST>;

export const HOSTS = strict(
  {
    defaults: strict(COMMON, 'what hosts have in common').exactOptional(),
    // Each by itself, so that a mistake is told of the kind that the host is.
    hosts: z.array(z.unknown(), wrong('a list of hosts')),
  },
  'a map with the key hosts',
);
