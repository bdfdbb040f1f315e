import { nameProblem } from '../../../proto/name.ts';
import type { TrustReply } from '../../api/contract.ts';
import { HostFailure } from '../failure.ts';
import type { Answer } from '../shell.ts';
import { LAYOUT, type Layout } from './layout.ts';
import { quoted } from './quote.ts';
import { PRELUDE, printable, toldBy } from './script.ts';

/** Makes the host's keys, and prints the public ones. Its standard input is trustText. Tells whether it made the home. */
export function initText(name: string, layout: Layout = LAYOUT): string {
  return `${PRELUDE}
[ -e ${layout.home} ] || tell made ${layout.home}
${layout.launcher} init --home ${layout.home} --name ${quoted(name)}
`;
}

/** Forgets keys and journal of an agent that its controller has removed. The administrator's policy stays. */
export const leaveText = (layout: Layout = LAYOUT): string =>
  `${PRELUDE}\n${layout.launcher} leave --yes --home ${layout.home}\n`;

/** For `muster-agent init`. */
export function trustText({ fleetId, rootKeyId, urls, documents }: TrustReply): Uint8Array {
  return Buffer.from(`${JSON.stringify({ fleetId, rootKeyId, urls, documents })}\n`);
}

/** What the host's agent says of itself; nothing of it is secret. Keys, ids and the epoch are hex. */
export interface PublicIdentity {
  readonly name: string;
  readonly id: string;
  readonly signKey: string;
  readonly boxKey: string;
  readonly epoch: string;
  readonly hostname: string;
  /** By this call. */
  readonly created: boolean;
  readonly madeHome: boolean;
}

/** Throws HostFailure('step') for anything else than what `muster-agent init` prints for this fleet. */
export function readPublicIdentity(answer: Answer, fleetId: string): PublicIdentity {
  const told = toldBy(answer, 'making its keys');
  const { stdout } = answer;
  const odd = (what: string): never => {
    throw new HostFailure('step', `what "muster-agent init" printed cannot be used: ${what}`);
  };
  const line = stdout.split('\n').find((one) => one.startsWith('{')) ?? odd('there is no object in it');
  let fields: Record<string, unknown>;
  try {
    fields = Object(JSON.parse(line));
  } catch {
    return odd('it is not JSON');
  }
  const hex = (name: string, bytes: number): string => {
    const value = fields[name];
    return typeof value === 'string' && /^[0-9a-f]+$/.test(value) && value.length === 2 * bytes
      ? value
      : odd(name);
  };
  const { name, hostname, created } = fields;
  if (typeof name !== 'string' || nameProblem(name)) return odd('name');
  if (typeof hostname !== 'string' || typeof created !== 'boolean') return odd('hostname or created');
  if (hex('fleet', 16) !== fleetId) return odd('it is of another fleet');
  return {
    ...{ name, created, madeHome: told.has('made'), hostname: printable(hostname).slice(0, 255) },
    ...{ id: hex('id', 16), signKey: hex('signKey', 32), boxKey: hex('boxKey', 32), epoch: hex('epoch', 16) },
  };
}
