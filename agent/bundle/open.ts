import { signerOf, type Trust } from '../../certs/trust.ts';
import { type OpenedBundle, type OpenedOrder, openBundle, openCancel } from '../../proto/bundle.ts';
import type { DeliverMessage } from '../../proto/codec.ts';
import type { KeyPair } from '../../proto/crypto.ts';
import type { ErrorCode } from '../../proto/errors.ts';
import type { KeyRole } from '../../proto/frame.ts';

/** Who this agent is, whom it trusts, and what time it is. */
export interface Opener {
  readonly fleetId: Uint8Array;
  readonly agentId: Uint8Array;
  readonly boxKey: KeyPair;
  epoch(): Uint8Array;
  trust(): Trust;
  /** The controller's time. */
  nowMs(): number;
  forgetFloorMs(): number;
}

export interface Signed {
  /** Every key that signed it, so that its trust can be asked for again before it starts. */
  readonly signerIds: readonly Uint8Array[];
}

/** TRUST's opening order up to membership. Throws MusterError with the code of the first check that fails. */
export function openDelivery(deliver: DeliverMessage, opener: Opener): OpenedBundle & Signed {
  const signerIds: Uint8Array[] = [];
  return { ...openBundle(deliver, { ...context(opener, signerIds), ...own(opener) }), signerIds };
}

/** `signed` are the bytes of a SignedOrder. Throws MusterError. */
export function openCancelOrder(signed: Uint8Array, opener: Opener): OpenedOrder & Signed {
  const signerIds: Uint8Array[] = [];
  return { ...openCancel(signed, context(opener, signerIds)), signerIds };
}

function own(opener: Opener) {
  return { boxKey: opener.boxKey, epoch: opener.epoch() };
}

function context(opener: Opener, signerIds: Uint8Array[]) {
  const nowMs = opener.nowMs();
  return {
    fleetId: opener.fleetId,
    agentId: opener.agentId,
    nowMs,
    forgetFloorMs: opener.forgetFloorMs(),
    signer(id: Uint8Array, kind: string) {
      signerIds.push(id);
      return signerOf(opener.trust(), id, kind, nowMs);
    },
  };
}

/** Whose keys these are, of those that still sign for this kind of order. */
export function rolesOf(trust: Trust, signerIds: readonly Uint8Array[], kind: string): KeyRole[] {
  return signerIds.flatMap((id) => {
    // Whether they do now is asked for by `signerProblem`.
    const signer = signerOf(trust, id, kind, 0);
    return typeof signer === 'string' ? [] : [signer.role];
  });
}

/** Why an order that was good may no longer start: a signer was revoked since, or its trust has ended. */
export function signerProblem(
  trust: Trust,
  signerIds: readonly Uint8Array[],
  kind: string,
  nowMs: number,
): ErrorCode | undefined {
  for (const id of signerIds) {
    const signer = signerOf(trust, id, kind, nowMs);
    if (typeof signer === 'string') return signer;
  }
  return undefined;
}
