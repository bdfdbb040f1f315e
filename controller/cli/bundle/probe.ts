import * as z from 'zod';
import { LIMITS } from '../../../proto/limits.ts';
import { isProbeHost, isProbeUrl, leastMs } from '../../../proto/validate-probe.ts';
import type { ProbeBody } from '../../api/contract.ts';
import { type Checked, check } from '../../documents/check.ts';
import type { Document, Path } from '../../documents/document.ts';
import { formatDuration } from '../duration.ts';
import { argv, duration, line, map, matching, some, whole, wrong } from './values.ts';

/** What a file says of a probe: of a task of that kind, and wherever else something is to hold. */

const KINDS = ['command', 'shell', 'http', 'tcp'] as const;
const OF_HTTP = ['status', 'contains', 'insecure'] as const;
const most = LIMITS.probeTimeMaxMs;

/** `{name}` and `{address}` stand for a host, where a probe is asked of each of many. */
const placed = (text: string): string => text.replaceAll(/\{(name|address)\}/g, 'host');

const shape = (forEachHost: boolean) => {
  const asGiven = forEachHost ? placed : (text: string) => text;
  return {
    command: argv.exactOptional(),
    shell: line.exactOptional(),
    http: matching(
      (value) => isProbeUrl(asGiven(value)),
      'a URL of http or https without a password',
    ).exactOptional(),
    status: whole(100, 599).exactOptional(),
    contains: some(LIMITS.probeContainsChars).exactOptional(),
    insecure: z.boolean(wrong('true or false')).exactOptional(),
    tcp: matching(
      (value) => addressOf(asGiven(value)) !== undefined,
      'a host and a port, like "localhost:5432" or "[::1]:5432"',
    ).exactOptional(),
    need: whole(1, LIMITS.probeTries).exactOptional(),
    of: whole(1, LIMITS.probeTries).exactOptional(),
    every: duration(most).exactOptional(),
    timeout: duration(most).exactOptional(),
    within: duration(most).exactOptional(),
    hold: duration(most).exactOptional(),
  };
};
type Shape = ReturnType<typeof shape>;
export type CheckedProbe = z.output<z.ZodObject<Shape>>;

/** A map of a probe's keys and `more`. With `forEachHost` URL and host may hold `{name}` and `{address}`. */
export function probeMap<S extends z.ZodRawShape>(more: S, { forEachHost = false } = {}) {
  return map({ ...more, ...shape(forEachHost) }).superRefine((value, { addIssue }) => {
    for (const { key, message } of problemsOf(value as CheckedProbe))
      addIssue({ code: 'custom', path: key === undefined ? [] : [key], message });
  });
}

function problemsOf(probe: CheckedProbe): { key?: keyof CheckedProbe; message: string }[] {
  const [kind, second] = KINDS.filter((one) => probe[one] !== undefined);
  if (kind === undefined) return [{ message: 'expected one of command, shell, http and tcp' }];
  if (second !== undefined)
    return [{ key: second, message: `one probe asks one thing: there is ${kind} already` }];
  const foreign = OF_HTTP.filter((key) => kind !== 'http' && probe[key] !== undefined);
  if (foreign.length > 0) return foreign.map((key) => ({ key, message: `is for http, not for ${kind}` }));
  const { need = 1, of = need, every = LIMITS.probeEveryMs, within = LIMITS.probeWithinMs } = probe;
  if (need > of) return [{ key: 'need', message: `can never hold: ${need} good tries of ${of} are needed` }];
  const least = leastMs({ need, everyMs: every });
  if (least < within) return [];
  const [takes, has] = [formatDuration(least), formatDuration(within)];
  return [
    { key: 'need', message: `can never hold: ${need} tries take ${takes}, and it has to within ${has}` },
  ];
}

/** A probe anywhere in a document: `path` leads to it. */
export function parseProbe(document: Document, given: unknown, path: Path): Checked<ProbeBody> {
  const checked = check(PROBE, document, given, path);
  return 'problems' in checked ? checked : { value: probeOf(checked.value) };
}

export const PROBE = probeMap({});

/** Of what a `probeMap` took; keys that are not a probe's are left out. */
export function probeOf(probe: CheckedProbe): ProbeBody {
  const { command, shell, http, tcp } = probe;
  const times = {
    ...(probe.need !== undefined && { need: probe.need }),
    ...(probe.of !== undefined && { of: probe.of }),
    ...(probe.every !== undefined && { everyMs: probe.every }),
    ...(probe.timeout !== undefined && { timeoutMs: probe.timeout }),
    ...(probe.within !== undefined && { withinMs: probe.within }),
    ...(probe.hold !== undefined && { holdMs: probe.hold }),
  };
  if (command !== undefined) return { ...times, command: { argv: command } };
  if (shell !== undefined) return { ...times, shell: { line: shell } };
  const address = tcp === undefined ? undefined : addressOf(tcp, () => true);
  if (address !== undefined) return { ...times, tcp: address };
  const { status, contains, insecure } = probe;
  const more = {
    ...(status !== undefined && { status }),
    ...(contains !== undefined && { contains }),
    ...(insecure !== undefined && { insecure }),
  };
  return { ...times, http: { url: http ?? '', ...more } };
}

/** `host:80`, `[::1]:80`. */
function addressOf(
  text: string,
  isHost: (host: string) => boolean = isProbeHost,
): { host: string; port: number } | undefined {
  const [, inBrackets, plain, digits] = /^(?:\[([^\]]*)\]|([^:]*)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = inBrackets ?? plain ?? '';
  const port = Number(digits ?? 0);
  return isHost(host) && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}
