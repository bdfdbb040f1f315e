import { LIMITS } from '../../../proto/limits.ts';
import type { GateBody, RolloutBody } from '../../api/contract.ts';
import { parseDuration } from '../duration.ts';
import { wrongUse } from '../failure.ts';

/** A key of rollout.yaml and the option of the same name, which wins over it. */
export interface Setting<T> {
  /** For commander; its long name is the key of the file. */
  readonly flag: string;
  readonly help: string;
  /** For help and completion; `parse` refuses the others. */
  readonly choices?: readonly string[];
  /** A number of the file is taken for it too, in words: what it counts. */
  readonly number?: true;
  /** What is expected, for messages about the file. */
  readonly what: string;
  /** Throws a Failure that says what would be right. */
  readonly parse: (text: string) => T;
}

type Settings<T> = { readonly [K in keyof T]-?: Setting<Exclude<T[K], undefined>> };

const most = (maxMs: number, least?: number) => (text: string) =>
  parseDuration(text, { maxMs, ...(least === undefined ? {} : { minMs: least }) });
const DURATION = 'a duration like "10m"';
const SHARE = 'a number like 5, or a share like 10%';

function share(text: string): string {
  if (!/^([1-9]\d{0,6}|([1-9]\d?|100)%)$/.test(text)) throw wrongUse(`expected ${SHARE}, not "${text}"`);
  return text;
}

function failures(text: string): string {
  if (!/^(0|[1-9]\d{0,6}|(\d|[1-9]\d|100)%)$/.test(text))
    throw wrongUse(`expected a number like 3, or a share like 10%, not "${text}"`);
  return text;
}

function percent(text: string): string {
  if (!/^(\d|[1-9]\d|100)%$/.test(text)) throw wrongUse(`expected a share like 95%, not "${text}"`);
  return text;
}

function line(maxChars: number) {
  return (text: string): string => {
    if (text.trim() === '' || text.length > maxChars || /\p{Cc}/u.test(text))
      throw wrongUse(`expected 1 to ${maxChars} characters in one line`);
    return text;
  };
}

function reasonText(text: string): string {
  if (text.length > LIMITS.reasonChars) throw wrongUse(`longer than ${LIMITS.reasonChars} characters`);
  return text;
}

function oneOf<const C extends readonly string[]>(choices: C) {
  const what = `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
  return {
    choices,
    what,
    parse(text: string): C[number] {
      const found = choices.find((choice) => choice === text);
      if (found === undefined) throw wrongUse(`expected ${what}, not "${text}"`);
      return found;
    },
  };
}

function seed(text: string): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value < 2 ** 32)) throw wrongUse(`expected a whole number from 0 to ${2 ** 32 - 1}, not "${text}"`);
  return value;
}

export const NAME_CHARS = 100;

/** What is said once for the whole rollout. */
export const SETTINGS: Settings<
  Pick<
    RolloutBody,
    | 'name'
    | 'order'
    | 'seed'
    | 'maxUnavailable'
    | 'maxFailures'
    | 'onFailure'
    | 'withoutWayBack'
    | 'reboot'
    | 'rebootTimeoutMs'
    | 'busy'
    | 'ttlMs'
    | 'timeoutMs'
    | 'lifeMs'
    | 'reason'
  >
> = {
  name: {
    flag: '--name <text>',
    help: 'what it is called in lists',
    what: `a name of 1 to ${NAME_CHARS} characters in one line`,
    parse: line(NAME_CHARS),
  },
  maxUnavailable: {
    flag: '--max-unavailable <n>',
    help: 'hosts that may be changing or left broken at once: 5, or 10% (1 where not said)',
    what: SHARE,
    number: true,
    parse: share,
  },
  maxFailures: {
    flag: '--max-failures <n>',
    help: 'begin nothing further once more than so many failed: 3, or 5% (0 where not said)',
    what: 'a number like 3, or a share like 10%',
    number: true,
    parse: failures,
  },
  onFailure: {
    flag: '--on-failure <whom>',
    help: 'who is brought back by itself where a host fails (host where not said)',
    ...oneOf(['host', 'wave', 'all', 'none']),
  },
  withoutWayBack: {
    flag: '--without-way-back <what>',
    help: 'whether hosts are changed that could not be brought back (refuse where not said)',
    ...oneOf(['refuse', 'go-on']),
  },
  reboot: {
    flag: '--reboot <when>',
    help: 'after the change (if-needed for a plan, else never, where not said)',
    ...oneOf(['never', 'if-needed', 'always']),
  },
  rebootTimeoutMs: {
    flag: '--reboot-timeout <duration>',
    help: 'how long a host may take to come back (10m where not said)',
    what: DURATION,
    parse: most(LIMITS.rebootTimeoutMaxMs),
  },
  order: {
    flag: '--order <order>',
    help: 'in which hosts of a wave begin (name where not said)',
    ...oneOf(['name', 'random']),
  },
  seed: {
    flag: '--seed <n>',
    help: 'makes a random order repeatable',
    what: 'a whole number',
    number: true,
    parse: seed,
  },
  busy: {
    flag: '--busy <what>',
    help: 'where another rollout has one of the hosts (refuse where not said)',
    ...oneOf(['refuse', 'wait']),
  },
  ttlMs: {
    flag: '--ttl <duration>',
    help: 'how long a host that is off is waited for when its turn has come (10m where not said)',
    what: DURATION,
    parse: most(LIMITS.ttlMaxMs),
  },
  timeoutMs: {
    flag: '--timeout <duration>',
    help: 'how long each step may take on a host (1h where not said)',
    what: DURATION,
    parse: most(LIMITS.timeoutMaxMs),
  },
  lifeMs: {
    flag: '--life <duration>',
    help: 'after it nothing of the rollout begins any more (7d where not said)',
    what: DURATION,
    parse: most(LIMITS.ttlMaxMs),
  },
  reason: {
    flag: '--reason <text>',
    help: 'for the audit log and the report',
    what: `a text of at most ${LIMITS.reasonChars} characters`,
    parse: reasonText,
  },
};

/** What must hold before the next wave. */
export const GATE_SETTINGS: Settings<GateBody> = {
  success: {
    flag: '--success <share>',
    help: 'go on to the next wave only where at least this share of the hosts is done: 95%',
    what: 'a share like 95%',
    parse: percent,
  },
  soakMs: {
    flag: '--soak <duration>',
    help: 'and its probes went on to hold for so long',
    what: DURATION,
    parse: most(LIMITS.probeTimeMaxMs),
  },
  approval: {
    flag: '--approval <who>',
    help: 'and somebody approved it (nobody where not said)',
    ...oneOf(['nobody', 'anybody', 'not-starter']),
  },
};

/** `max-unavailable`: the key of a setting in the file. */
export function keyOf({ flag }: Pick<Setting<unknown>, 'flag'>): string {
  return /^--([\w-]+)/.exec(flag)?.[1] ?? flag;
}

export { failures as parseFailures, share as parseShare };
