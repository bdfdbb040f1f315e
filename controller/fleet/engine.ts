import { type ReleaseContent, type SignedRelease, signRelease } from '../../certs/release.ts';
import { applyTrust, signTrust, type Trust, type TrustInput } from '../../certs/trust.ts';
import type { Clock } from '../../proto/clock.ts';
import { SignedTrust, TrustDocument, type TrustMessage } from '../../proto/codec.ts';
import type { KeyPair } from '../../proto/crypto.ts';
import { MusterError } from '../../proto/errors.ts';
import { fleetIdOf, keyId } from '../../proto/frame.ts';
import { equalBytes, toHex } from '../../proto/ids.ts';
import type { Database, Statement } from '../db/database.ts';
import type { Log } from '../log.ts';
import { amended, fold, lacking, nextDocument, type StoredDocument, WARN_MS } from './documents.ts';
import type { FleetKeys } from './keys.ts';
import { allDocuments, insertDocuments } from './store.ts';

export interface FleetPorts {
  clock: Clock;
  db: Database;
  log: Log;
  keys: FleetKeys;
  /** Where agents find this controller. */
  urls: readonly string[];
}

const RENEW_CHECK_MS = 3_600_000;

export type Fleet = Awaited<ReturnType<typeof openFleet>>;

/** One controller's fleet: its root, its trust documents, the key that it signs with. Throws MusterError. */
export async function openFleet({ clock, db, log, keys, urls }: FleetPorts) {
  const documents: StoredDocument[] = (await db.read(allDocuments())).map((row) => ({
    serial: row.serial,
    bytes: row.document,
    changesRoot: row.changes_root === 1,
  }));
  const fleetId = fleetOf(documents, keys);
  let trust: Trust = fold(fleetId, documents);
  if (keys.root && !equalBytes(keyId('root', keys.root.publicKey), trust.rootKeyId))
    throw new MusterError(
      'store-failed',
      'root.key is not the root of the fleet in this database; restore the folder of keys from its backup',
    );
  let onDocument: (bytes: Uint8Array) => void = () => {};
  let cancelTimer: (() => void) | undefined;
  /** One after the other: each follows from the one before. */
  let last: Promise<unknown> = Promise.resolve();
  function inTurn<T>(sign: () => Promise<T>): Promise<T> {
    const next = last.then(sign, sign);
    last = next.catch(() => {});
    return next;
  }

  async function renew(): Promise<void> {
    const rootPublicKey = keys.root?.publicKey ?? trust.document?.rootPublicKey;
    if (!rootPublicKey) throw new MusterError('internal', 'there is neither a root key nor a trust document');
    const wanted = {
      rootPublicKey,
      controllerPublicKey: keys.controller.publicKey,
      releasePublicKey: keys.release?.publicKey,
      urls,
      nowMs: clock.now(),
    };
    const next = nextDocument(trust, wanted);
    if (!next) return;
    if (!keys.root)
      return log.warn('the trust document should be renewed, but the root key is not on this machine');
    await publish(next, keys.root, []);
  }

  /** Durable, together with `besides`, before anybody goes by it. */
  async function publish(next: TrustInput, root: KeyPair, besides: readonly Statement[]): Promise<void> {
    const bytes = signTrust(next, [root]);
    // As every agent will: what does not follow from the documents before it must never be stored.
    const renewed = applyTrust(trust, bytes);
    const document = { serial: next.serial, bytes, changesRoot: trust.document === undefined };
    await db.write([
      ...insertDocuments([
        { serial: next.serial, document: bytes, changes_root: document.changesRoot ? 1 : 0 },
      ]),
      ...besides,
    ]);
    documents.push(document);
    trust = renewed;
    log.info({ serial: next.serial }, 'trust document signed');
    onDocument(bytes);
  }

  await inTurn(renew);

  function watch(): void {
    cancelTimer = clock.after(RENEW_CHECK_MS, () => {
      inTurn(renew).catch((error: unknown) =>
        log.error({ err: error }, 'trust document could not be renewed'),
      );
      watch();
    });
  }

  return {
    fleetId,
    fleetIdHex: toHex(fleetId),
    current: () => ({
      fleetId,
      rootKeyId: trust.rootKeyId,
      urls,
      serial: trust.serial,
      expiresAtMs: trust.document?.expiresAtMs ?? 0,
    }),
    controllerKey: (): KeyPair => keys.controller,
    /** What a new agent is pinned to, and the documents from there on. */
    trustChain() {
      const first = documents[0];
      const root = first ? rootKeyIdOf(first.bytes) : trust.rootKeyId;
      return {
        fleetId: toHex(fleetId),
        rootKeyId: toHex(root),
        urls: [...urls],
        documents: lacking(documents, 0, (document) => equalBytes(rootKeyIdOf(document.bytes), root)).map(
          (bytes) => Buffer.from(bytes).toString('base64'),
        ),
      };
    },
    /** Throws bad-request, release-key-away. */
    signBuilds(content: ReleaseContent): SignedRelease {
      if (!keys.release) throw new MusterError('release-key-away');
      try {
        return signRelease(keys.release, content);
      } catch (cause) {
        if (cause instanceof MusterError) throw new MusterError('bad-request', cause.detail, { cause });
        throw cause;
      }
    },
    rootKeyHere: keys.root !== undefined,
    trust: () => trust,
    /**
     * Signs a document with other keys, in one transaction with what `besides` makes; a change that is undefined signs nothing and writes that alone.
     * Throws root-key-away, and what the two throw.
     */
    amend: (
      change: (document: TrustMessage) => Pick<TrustInput, 'keys' | 'revoked'> | undefined,
      besides: () => readonly Statement[],
    ): Promise<void> =>
      inTurn(async () => {
        const changes = trust.document && change(trust.document);
        if (!changes) return db.write(besides());
        if (!keys.root) throw new MusterError('root-key-away');
        await publish(amended(trust, changes, clock.now()), keys.root, besides());
      }),
    documentsFor: (serial: number, rootKeyId: Uint8Array) =>
      lacking(documents, serial, (document) => equalBytes(rootKeyIdOf(document.bytes), rootKeyId)),
    /** Sentences about what somebody should do. */
    warnings(): string[] {
      const expiresAtMs = trust.document?.expiresAtMs ?? 0;
      const leftMs = expiresAtMs - clock.now();
      const warnings: string[] = [];
      if (keys.root)
        warnings.push(
          "the root key lies beside the controller's other keys; keep a copy of it off this machine",
        );
      if (leftMs <= 0)
        warnings.push('the trust document has expired: agents refuse orders until a newer one is signed');
      else if (leftMs < WARN_MS)
        warnings.push(`the trust document expires on ${new Date(expiresAtMs).toISOString()}`);
      return warnings;
    },
    /** A document that was signed while agents are connected is to be pushed to them. */
    start(push: (bytes: Uint8Array) => void): void {
      onDocument = push;
      watch();
    },
    stop: (): void => cancelTimer?.(),
  };
}

function fleetOf(documents: readonly StoredDocument[], keys: FleetKeys): Uint8Array {
  const [first] = documents;
  if (!first) {
    if (!keys.root)
      throw new MusterError(
        'store-failed',
        'the database has no trust document and the root key is not here',
      );
    return fleetIdOf(keys.root.publicKey);
  }
  return TrustDocument.decode(SignedTrust.decode(first.bytes).document).fleetId;
}

function rootKeyIdOf(signed: Uint8Array): Uint8Array {
  return keyId('root', TrustDocument.decode(SignedTrust.decode(signed).document).rootPublicKey);
}
