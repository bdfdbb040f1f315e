/** Who may sign orders of his own: an operator's key comes into the trust document, and goes out of it. */
import type { Trust, TrustInput } from '../../certs/trust.ts';
import type { Clock } from '../../proto/clock.ts';
import type { SignatureMessage, TrustMessage } from '../../proto/codec.ts';
import type { Statement } from '../db/database.ts';
import {
  checkOperatorSignature,
  checkSigner,
  type OperatorKey,
  operatorKeysOf,
  withKey,
  withoutKeys,
} from './operator-keys.ts';

export interface OperatorTrustPorts {
  clock: Clock;
  audit: { entry(actor: { name: string }, action: string, detail: object): Statement };
  fleet: {
    trust(): Trust;
    amend(
      change: (document: TrustMessage) => Pick<TrustInput, 'keys' | 'revoked'> | undefined,
      besides: () => readonly Statement[],
    ): Promise<void>;
  };
}

export type OperatorTrust = ReturnType<typeof createOperatorTrust>;

export function createOperatorTrust({ clock, audit, fleet }: OperatorTrustPorts) {
  return {
    keys: (): OperatorKey[] => operatorKeysOf(fleet.trust()),
    /** Throws bad-key, bad-request, root-key-away. */
    async add(
      operator: { name: string; publicKey: Uint8Array; role: 'viewer' | 'runner' | 'admin' },
      by: { name: string },
    ): Promise<void> {
      await fleet.amend(
        (document) => withKey(document, operator),
        () => [
          audit.entry(by, 'operator.trust', {
            operator: operator.name,
            publicKey: Buffer.from(operator.publicKey).toString('hex'),
          }),
        ],
      );
    },
    /** Answers with the ids of the keys that are revoked now. Throws root-key-away where there are some. */
    async remove(name: string, by: { name: string }, only?: string): Promise<string[]> {
      let ids: string[] = [];
      await fleet.amend(
        (document) => {
          const change = withoutKeys(document, name, only);
          ids = change?.revokedIds ?? [];
          return change && { keys: change.keys, revoked: change.revoked };
        },
        () => (ids.length === 0 ? [] : [audit.entry(by, 'operator.untrust', { operator: name, keys: ids })]),
      );
      return ids;
    },
    /** Throws signer-unknown, signer-revoked, signer-not-allowed, trust-expired. */
    checkSigner(by: string, keyId: Uint8Array, kind: string): void {
      checkSigner(fleet.trust(), by, keyId, kind, clock.now());
    },
    /** Throws as checkSigner; order-signature. */
    checkSignature(
      by: string,
      order: { order: Uint8Array; kind: string },
      signature: SignatureMessage,
    ): void {
      checkOperatorSignature(fleet.trust(), by, order, signature, clock.now());
    },
  };
}
