import { type Command, InvalidArgumentError, Option } from 'commander';
import { LIMITS } from '../../../proto/limits.ts';
import { parseDuration } from '../duration.ts';
import { Failure } from '../failure.ts';
import { collectPair } from '../pair.ts';
import { parseSize } from '../size.ts';

/** A parser of ours as commander wants it: its complaint is shown with the option's name. */
export function parser<T>(
  parse: (text: string, previous: T | undefined) => T,
): (text: string, previous: T | undefined) => T {
  return (text, previous) => {
    try {
      return parse(text, previous);
    } catch (error) {
      if (error instanceof Failure) throw new InvalidArgumentError(`${error.message}.`);
      throw error;
    }
  };
}

export const duration = (maxMs: number) => parser<number>((text) => parseDuration(text, { maxMs }));
export const size = (maxBytes: number) => parser<number>((text) => parseSize(text, { maxBytes }));
export const pairs = parser<Record<string, string>>((text, previous) => collectPair(text, previous));
export const several = (text: string, previous: string[] | undefined): string[] => [
  ...(previous ?? []),
  text,
];

export const whole = (most: number, least = 0) =>
  parser<number>((text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most))
      throw new Failure(2, `expected a whole number from ${least} to ${most}`);
    return value;
  });

/** `10` or `25%`. */
export const share = parser<string>((text) => {
  if (!/^[1-9]\d*%?$/.test(text) || (text.endsWith('%') && Number.parseInt(text, 10) > 100))
    throw new Failure(2, 'expected a number like 10, or a share like 25%');
  return text;
});

/** `0644` or `755`: always octal. */
export const octal = parser<number>((text) => {
  if (!/^[0-7]{3,4}$/.test(text)) throw new Failure(2, 'expected a mode like 0644');
  return Number.parseInt(text, 8);
});

export const jsonOption = (command: Command, what: string): Command =>
  command.option('--json', `print ${what} as JSON`);

export function targetOptions(command: Command): Command {
  return command
    .option(
      '-t, --targets <names>',
      'names, globs, !exclusions, @FILE, or all; several times: together',
      several,
    )
    .option('-l, --selector <selector>', "labels and facts: 'role=web,env in (prod,stage),!gpu'");
}

/** `3`, `0`, or `10%`. */
export const failures = parser<string>((text) => {
  if (!/^(0|[1-9]\d{0,6})%?$/.test(text) || (text.endsWith('%') && Number.parseInt(text, 10) > 100))
    throw new Failure(2, 'expected a number like 3, or a share like 10%');
  return text;
});

const UNSUCCESSFUL = ['failed', 'timed-out', 'cancelled', 'rejected', 'expired', 'interrupted', 'lost'];

/** Some of the states in which a run ends without success, with commas. */
export const states = parser<string>((text) => {
  const wrong = text.split(',').find((state) => !UNSUCCESSFUL.includes(state));
  if (wrong !== undefined) throw new Failure(2, `"${wrong}" is none of ${UNSUCCESSFUL.join(', ')}`);
  return text;
});

/** Who of those that are meant, how far at once, and how long. */
export function paceOptions(command: Command): Command {
  return command
    .option('--limit <n>', 'at most so many of them: 10, or 25%', share)
    .option(
      '--seed <n>',
      'makes the choice of --limit and the order of --batch random, and repeatable',
      whole(2 ** 32 - 1),
    )
    .option('--batch <n>', 'on so many at once, the next when one is over: 10, or 25%', share)
    .option('--max-failures <n>', 'send nothing further once more than so many failed: 3, or 10%', failures)
    .option(
      '--timeout <duration>',
      'how long a run may take (1h where not said)',
      duration(LIMITS.timeoutMaxMs),
    )
    .addOption(
      new Option(
        '--ttl <duration>',
        'how long it waits for a host that is off (15s where not said)',
      ).argParser(duration(LIMITS.ttlMaxMs)),
    );
}

/** How a command that makes a job asks. */
export function askOptions(command: Command): Command {
  return command
    .option('--list', 'show who would be meant, and do nothing')
    .option('--reason <text>', 'for the audit log')
    .option('--idempotency-key <key>', 'the same key makes the same job, however often it is sent')
    .option('--yes', 'do not ask, however many hosts are meant');
}

/** Where neither is said, it is signed if there is a key. */
export function signOptions(command: Command): Command {
  return command
    .option('--sign', 'with your own key, else not at all (see muster operator key)')
    .option('--no-sign', 'not with your own key');
}

/** How it asks and shows. */
export function viewOptions(command: Command): Command {
  return signOptions(askOptions(command))
    .option('--detach', 'print the id of the job and leave it running')
    .option('--fold', 'no live output; at the end each distinct output once')
    .option('--json', 'print events as JSON, one object a line');
}

/** Who is meant by name or by what became of an earlier job, and at which pace. */
export function hostOptions(command: Command): Command {
  targetOptions(command).option('--failed-of <job>', 'only those that did not succeed in this job');
  return paceOptions(command);
}

export function jobOptions(command: Command): Command {
  hostOptions(command)
    .option('--user <name>', 'run as this user')
    .option('--cwd <path>', 'run in this folder')
    .option('--env <key=value>', 'set a variable; several times: several', pairs)
    .option(
      '--max-output <size>',
      'what is kept of the output of each host (10MiB where not said)',
      size(LIMITS.outputCapMaxBytes),
    )
    .option('--nice <n>', 'give way to others: 0 to 19 (0 where not said)', whole(LIMITS.niceMax))
    .option(
      '--attempts <n>',
      'safe to repeat: start it again where a crash interrupted it, so often in all (1 where not said)',
      whole(LIMITS.attemptsMax, 1),
    );
  return viewOptions(command);
}
