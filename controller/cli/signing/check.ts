/**
 * What an operator's machine makes sure of before it signs. A controller that was broken into may answer with anything: so each order is
 * made once more from what was asked, by the same pure code, and has to be the same bytes; only who is meant by a name is the
 * controller's word, and held against the names that were asked for. Pure.
 */
import { Order, type OrderMessage } from '../../../proto/codec.ts';
import { MusterError } from '../../../proto/errors.ts';
import { equalBytes, fromHex } from '../../../proto/ids.ts';
import { LIMITS } from '../../../proto/limits.ts';
import type { Draft, DraftTarget } from '../../api/contract.ts';
import { drawOrder } from '../../jobs/order.ts';
import type { JobRequest } from '../../jobs/request.ts';
import { match } from '../../targeting/match.ts';
import { parseTargets } from '../../targeting/parse.ts';
import { EXIT, Failure } from '../failure.ts';

/** One order that was asked for. */
export interface Wanted {
  /** As the draft calls it. */
  what: string;
  request: JobRequest;
  /** Of a job that is held: how long. */
  heldMs?: number;
  /** What else is known of who is meant, by their ids. */
  only?: ReadonlySet<string>;
  /** The names that its operator was shown before. */
  shown?: ReadonlySet<string>;
}

/** Clocks of an operator and a controller may differ by so much. */
export const CLOCK_SLACK_MS = 300_000;

/** The bytes to sign, one for each order of the draft. Throws a Failure that says what is not as it was asked. */
export function checkDraft(
  draft: Draft,
  wanted: readonly Wanted[],
  own: { fleetId: Uint8Array; nowMs: number },
): Uint8Array[] {
  if (draft.orders.length !== wanted.length)
    throw refused(`it would order ${draft.orders.length} things, and ${wanted.length} were asked for`);
  return wanted.map((one, index) => {
    const given = draft.orders[index];
    if (given?.what !== one.what) throw refused(`"${given?.what}" in place of "${one.what}"`);
    const bytes = new Uint8Array(Buffer.from(given.order, 'base64'));
    checkOrder(bytes, one, targetsOf(draft, given.targets), own);
    return bytes;
  });
}

function targetsOf({ targets }: Draft, places: readonly number[] | null): readonly DraftTarget[] {
  if (places === null) return targets;
  return places.map((place) => {
    const target = targets[place];
    if (!target) throw refused('a target that is not in its list');
    return target;
  });
}

function checkOrder(
  bytes: Uint8Array,
  { request, heldMs, only, shown }: Wanted,
  targets: readonly DraftTarget[],
  own: { fleetId: Uint8Array; nowMs: number },
): void {
  const given = decoded(bytes);
  const aheadMs = given.signedAtMs - own.nowMs;
  if (Math.abs(aheadMs) > CLOCK_SLACK_MS)
    throw refused(
      `by the controller's clock it is ${new Date(given.signedAtMs).toISOString()}, by this one ${new Date(own.nowMs).toISOString()}`,
      'set the clock that is wrong',
    );
  checkNames(request, targets, only);
  const unseen = targets.find(({ name }) => shown && !shown.has(name));
  if (unseen)
    throw refused(
      `${unseen.name} was not among the hosts that it showed`,
      'where a host came to the fleet just now, start it again; else look into it: somebody may be in the controller',
    );
  const drawn = drawOrder(request, targets, {
    ...{ fleetId: own.fleetId, jobId: given.jobId, nowMs: given.signedAtMs, heldMs },
  });
  if (!equalBytes(drawn.bytes, bytes)) throw refused(difference(decoded(new Uint8Array(drawn.bytes)), given));
}

function decoded(bytes: Uint8Array): OrderMessage {
  try {
    return Order.decode(bytes);
  } catch (cause) {
    if (cause instanceof MusterError) throw refused('it cannot be read');
    throw cause;
  }
}

function checkNames(
  { targets: asked, limit }: JobRequest,
  targets: readonly DraftTarget[],
  only: ReadonlySet<string> | undefined,
): void {
  if (new Set(targets.map(({ id }) => id)).size !== targets.length) throw refused('a host twice');
  // A fleet gives a name once: whoever is shown so many names signs for so many machines.
  if (new Set(targets.map(({ name }) => name)).size !== targets.length) throw refused('a name twice');
  if (targets.some(({ id, epoch }) => !isId(id) || !isId(epoch))) throw refused('an id that is not one');
  const known = targets.map(({ id, name }) => ({ id, name, labels: {} }));
  const meant = new Set(
    (asked === undefined ? known : match(known, { targets: parseTargets(asked) }).agents).map(({ id }) => id),
  );
  const stranger = targets.find(({ id }) => !meant.has(id) || (only && !only.has(id)));
  if (stranger) throw refused(`${stranger.name} is not among those that were asked for`);
  if (limit !== undefined && /^\d+$/.test(limit) && targets.length > Number(limit))
    throw refused(`${targets.length} hosts, and at most ${limit} were asked for`);
}

const isId = (text: string): boolean => fromHex(text, LIMITS.keyIdBytes) !== undefined;

/** The first part of the order that is another one. */
function difference(wanted: OrderMessage, given: OrderMessage): string {
  const differs = (Object.keys(wanted) as (keyof OrderMessage)[]).find(
    (part) => plain(wanted[part]) !== plain(given[part]),
  );
  return `its ${WORDS[differs ?? ''] ?? differs ?? 'encoding'} is not as it was asked for`;
}

const WORDS: Readonly<Record<string, string>> = {
  targetsRoot: 'list of hosts',
  targetsCount: 'number of hosts',
  fleetId: 'fleet',
  tasks: 'list of tasks',
  expiresAtMs: 'life',
  notBeforeMs: 'beginning',
};

const plain = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    part instanceof Uint8Array ? Buffer.from(part).toString('hex') : part,
  );

function refused(what: string, hint?: string): Failure {
  return new Failure(
    EXIT.refused,
    `nothing was signed: what the controller gave to sign is not what was asked for: ${what}`,
    hint ??
      'where controller and this program are of one version, look into it: somebody may be in the controller',
  );
}
