/**
 * The one door to protobuf. Every decoder is strict: size cap, decode, encode again, equal or refused; so there is one
 * encoding of every message, and unknown, duplicate, reordered and non-minimal fields never get past this file.
 */
import protobuf from 'protobufjs/minimal.js';
import { MusterError } from './errors.ts';
import { muster } from './generated.js';
import { equalBytes } from './ids.ts';
import { LIMITS } from './limits.ts';

// 64-bit fields are numbers. Some past 2^53 would survive encoding again, but no arithmetic, so the reader refuses them all.
protobuf.util.Long = undefined as unknown as typeof protobuf.util.Long;
protobuf.configure();
const readUint64 = protobuf.Reader.prototype.uint64;
protobuf.Reader.prototype.uint64 = function exactUint64() {
  const value = readUint64.call(this);
  if (!Number.isSafeInteger(value)) throw new RangeError('a number past 2^53');
  return value;
};

/** A decoded message, a plain object: every scalar and list is there, a missing submessage is null. */
export type Decoded<P> = { [K in keyof P as Named<K>]-?: Field<NonNullable<P[K]>> };

/** What may be encoded: absent fields take their default. */
export type Encodable<P> = { [K in keyof P as Named<K>]?: EncodableField<NonNullable<P[K]>> | null };

type Named<K> = K extends '$unknowns' ? never : K;
type Scalar = string | number | boolean | Uint8Array;
type Field<T> = T extends Scalar
  ? T
  : T extends readonly (infer U)[]
    ? Item<U>[]
    : T extends Record<string, string>
      ? Record<string, string>
      : Decoded<T> | null;
type Item<U> = U extends Scalar ? U : Decoded<U>;
type EncodableField<T> = T extends Scalar
  ? T
  : T extends readonly (infer U)[]
    ? readonly (U extends Scalar ? U : Encodable<U>)[]
    : T extends Record<string, string>
      ? Record<string, string>
      : Encodable<T>;

interface Generated<P> {
  encode(message: P): { finish(): Uint8Array };
  decode(bytes: Uint8Array): unknown;
}

export interface Codec<P> {
  encode(message: Encodable<P>): Uint8Array;
  /** Throws MusterError('malformed') unless the bytes are the one encoding of a message within `maxBytes`. */
  decode(bytes: Uint8Array): Decoded<P>;
}

/** The generated message, strictly decoded. */
function strict<P>(name: string, generated: Generated<P>, maxBytes: number, bytes: Uint8Array): unknown {
  if (bytes.length > maxBytes) throw new MusterError('malformed', `${name} of ${bytes.length} bytes`);
  let message: unknown;
  let again: Uint8Array;
  try {
    message = generated.decode(bytes);
    again = generated.encode(message as P).finish();
  } catch (cause) {
    throw new MusterError('malformed', name, { cause });
  }
  if (!equalBytes(again, bytes)) throw new MusterError('malformed', `${name} is not strict`);
  return message;
}

function codec<P>(name: string, generated: Generated<P>, maxBytes: number): Codec<P> {
  return {
    encode: (message) => generated.encode(message as P).finish(),
    decode: (bytes) => complete(strict(name, generated, maxBytes, bytes)) as Decoded<P>,
  };
}

/** The defaults of absent fields stand on the generated prototypes, where spreading and printing would lose them. */
function complete(message: unknown): unknown {
  if (Array.isArray(message)) return message.map(complete);
  if (typeof message !== 'object' || message === null || message instanceof Uint8Array) return message;
  // A map field is a plain object: its keys are data.
  const prototype: unknown = Object.getPrototypeOf(message);
  if (prototype === Object.prototype || prototype === null) return message;
  const own: Record<string, unknown> = {};
  for (const key in message) own[key] = complete((message as Record<string, unknown>)[key]);
  return own;
}

type P = typeof muster;
type Properties<K extends keyof P> = P[K] extends { encode(message: infer M, ...rest: never[]): unknown }
  ? M
  : never;

const make = <K extends keyof P>(name: K, maxBytes: number): Codec<Properties<K>> =>
  codec(name, muster[name] as unknown as Generated<Properties<K>>, maxBytes);

export type Message<K extends keyof P> = Decoded<Properties<K>>;

export const TrustDocument = make('TrustDocument', LIMITS.trustDocumentBytes);
export const SignedTrust = make('SignedTrust', LIMITS.trustDocumentBytes + 4096);
export const Order = make('Order', LIMITS.orderBytes);
export const TargetParams = make('TargetParams', LIMITS.paramsBytes);
export const SignedOrder = make('SignedOrder', LIMITS.signedOrderBytes);
export const Hello = make('Hello', 1024);
export const WelcomeBody = make('WelcomeBody', 1024);
export const ProofBody = make('ProofBody', 1024);
export const EnrolRequest = make('EnrolRequest', LIMITS.preProofBytes);
export const EnrolGrant = make('EnrolGrant', 16 * 1024);
export const TreeManifest = make('TreeManifest', LIMITS.treeManifestBytes);
export const Report = make('Report', LIMITS.reportBytes);
export const Release = make('Release', LIMITS.releaseBytes);
export const JoinToken = make('JoinToken', 4096);

type Bodies<K extends keyof P> = Omit<Message<K>, 'body'>;
type OneOf<Fields> = { [K in keyof Fields]: { kind: K; value: NonNullable<Fields[K]> } }[keyof Fields];

/** Exactly one body. Throws MusterError('malformed'). */
function decodeOne(name: string, generated: Generated<never>, maxBytes: number, bytes: Uint8Array): unknown {
  const message = strict(name, generated, maxBytes, bytes) as Record<string, unknown>;
  const kind = message.body as string | undefined;
  if (!kind) throw new MusterError('malformed', `${name} without a body`);
  return { kind, value: complete(message[kind]) };
}

/** What travels in the clear before there are keys: exactly one body. */
export type Preamble = OneOf<Bodies<'Preamble'>>;
type PreambleInput = Encodable<Omit<Properties<'Preamble'>, 'body'>>;

export function encodePreamble<K extends keyof PreambleInput>(
  kind: K,
  value: NonNullable<PreambleInput[K]>,
): Uint8Array {
  return muster.Preamble.encode({ [kind]: value } as Properties<'Preamble'>).finish();
}

export function decodePreamble(bytes: Uint8Array): Preamble {
  return decodeOne('Preamble', muster.Preamble, LIMITS.preambleBytes + 4096, bytes) as Preamble;
}

type FrameFields = Bodies<'Frame'>;
export type FrameKind = keyof FrameFields;

/** A frame of the session: exactly one body. */
export type Frame = OneOf<FrameFields>;

type FrameInputs = Omit<Encodable<Properties<'Frame'>>, 'body'>;

/** The body of a frame that is to be sent. */
export type FrameInput<K extends FrameKind> = NonNullable<FrameInputs[K]>;

export function encodeFrame<K extends FrameKind>(kind: K, value: FrameInput<K>): Uint8Array {
  return muster.Frame.encode({ [kind]: value } as Properties<'Frame'>).finish();
}

export function decodeFrame(bytes: Uint8Array): Frame {
  return decodeOne('Frame', muster.Frame, LIMITS.frameBytes, bytes) as Frame;
}

export type OrderMessage = Message<'Order'>;
export type TaskMessage = Message<'Task'>;
export type DeliverMessage = Message<'Deliver'>;
export type SignatureMessage = Message<'Signature'>;
export type ReportMessage = Message<'Report'>;
export type TrustMessage = Message<'TrustDocument'>;
export type OutputMessage = Message<'Output'>;
export type StatusMessage = Message<'Status'>;
