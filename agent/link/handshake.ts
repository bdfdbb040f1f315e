/**
 * The agent's side of the session's handshake (TRUST). The order of its effects is what it promises:
 *
 *   hello ──> trust* (verified with the root that this agent trusts, and persisted, before the next is looked at)
 *         ──> welcome (its signature by a controller key of the trust document that is persisted by now, and no later one kept back)
 *         ──> the counter, durable ──> proof
 */

import { applyTrust, controllerKeyOf, type Trust } from '../../certs/trust.ts';
import { decodeFrame, decodePreamble, encodeFrame, encodePreamble, type Frame } from '../../proto/codec.ts';
import { isErrorCode, MusterError } from '../../proto/errors.ts';
import { LIMITS } from '../../proto/limits.ts';
import type { RandomBytes } from '../../proto/random.ts';
import {
  acceptWelcome,
  type Channel,
  channel,
  hello,
  type Purpose,
  proof,
  type Welcomed,
} from '../../proto/session.ts';
import type { IdentityStore } from '../identity/identity.ts';
import { type Inbox, inbox } from './inbox.ts';
import type { Transport } from './transport.ts';

export interface Greeter {
  readonly store: IdentityStore;
  readonly random: RandomBytes;
  /** 16 bytes, made once per process. */
  readonly instance: Uint8Array;
  readonly bootId: string;
  readonly agentVersion: string;
  /** Of the journal, 16 bytes. */
  epoch(): Uint8Array;
  /** Of the last facts, or empty. */
  factsDigest(): Uint8Array;
  /** What this host's clock says. */
  wallMs(): number;
  /** Told what Welcome says the controller's time is, at once. */
  onTime(controllerTimeMs: number): void;
}

export interface Opened {
  readonly channel: Channel;
  readonly inbox: Inbox;
  /** H("transcript", …): what an enrolment is bound to. */
  readonly h1: Uint8Array;
  readonly controllerKeyId: Uint8Array;
  readonly controllerKey: Uint8Array;
}

/** A refusal that says when to come again. */
export class Refused extends MusterError {
  readonly retryAfterMs: number | undefined;

  constructor(refusal: { code: string; detail: string; retryAfterMs: number }) {
    if (isErrorCode(refusal.code)) super(refusal.code, refusal.detail || undefined);
    else super('unavailable', 'it refused for a reason that this version does not know');
    this.retryAfterMs = refusal.retryAfterMs || undefined;
  }
}

/** Through Proof; the first frame back shows whether the controller took it. Throws MusterError. */
export async function shakeHands(transport: Transport, purpose: Purpose, greeter: Greeter): Promise<Opened> {
  const { store } = greeter;
  const { fleetId, agentId, keys } = store.identity;
  const { rootKeyId, serial } = store.trust();
  const hail = hello({ purpose, fleetId, agentId, rootKeyId, trustSerial: serial }, greeter.random);
  const box = inbox(
    transport,
    (reason) => new MusterError('unavailable', `the controller closed: ${reason}`),
  );
  transport.send(encodePreamble('hello', hail.bytes));
  const welcome = await walkTrust(box, store);
  let signer: { id: Uint8Array; key: Uint8Array } | undefined;
  const welcomed = acceptWelcome(hail, welcome.body, welcome.signature, (id) => {
    const key = controllerKeyOf(store.trust(), id);
    if (key) signer = { id, key };
    return key;
  });
  if (!signer) throw new MusterError('handshake-failed');
  if (welcomed.trustSerial > store.trust().serial)
    throw new MusterError('handshake-failed', 'it kept back a trust document that its welcome names');
  greeter.onTime(welcomed.controllerTimeMs);
  const sealed = channel(welcomed.keys, 'agent');
  const body = proof(keys.sign, welcomed.keys.h1, {
    epoch: greeter.epoch(),
    counter: store.nextCounter(),
    instance: greeter.instance,
    bootId: greeter.bootId,
    agentVersion: greeter.agentVersion,
    factsDigest: greeter.factsDigest(),
    wallMs: Math.max(0, Math.floor(greeter.wallMs())),
  });
  transport.send(sealed.seal(encodeFrame('proof', body)));
  return opened(welcomed, sealed, box, signer);
}

function opened(
  welcomed: Welcomed,
  sealed: Channel,
  box: Inbox,
  signer: { id: Uint8Array; key: Uint8Array },
): Opened {
  return {
    channel: sealed,
    inbox: box,
    h1: welcomed.keys.h1,
    controllerKeyId: signer.id,
    controllerKey: signer.key,
  };
}

/** Preambles until Welcome. */
async function walkTrust(
  box: Inbox,
  store: IdentityStore,
): Promise<{ body: Uint8Array; signature: Uint8Array }> {
  for (let documents = 0; ; documents++) {
    const preamble = decodePreamble(await box.next());
    if (preamble.kind === 'refusal') throw new Refused(preamble.value);
    if (preamble.kind === 'welcome') return preamble.value;
    if (preamble.kind !== 'trust')
      throw new MusterError('malformed', `a controller does not send ${preamble.kind}`);
    if (documents >= LIMITS.trustChainDocuments)
      throw new MusterError('malformed', 'too many trust documents');
    takeTrust(store, preamble.value);
  }
}

/** Throws MusterError('trust-rejected' | 'malformed' | 'journal-failed'). */
export function takeTrust(store: IdentityStore, signed: Uint8Array): Trust {
  const next = applyTrust(store.trust(), signed);
  store.saveTrust(next, signed);
  return next;
}

/** The first frame under the keys. Throws its refusal. */
export async function firstFrame(opened: Opened): Promise<Frame> {
  const frame = decodeFrame(opened.channel.open(await opened.inbox.next()));
  if (frame.kind === 'refusal') throw new Refused(frame.value);
  return frame;
}
