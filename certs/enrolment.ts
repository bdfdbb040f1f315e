/**
 * Joining a fleet by token. The token pins the fleet and its root, so that its secret is told only to a controller that
 * the root vouches for, after the handshake; the request is bound to that handshake and signed by the new key.
 */
import { type Encodable, EnrolGrant, EnrolRequest, JoinToken, type Message } from '../proto/codec.ts';
import type { KeyPair } from '../proto/crypto.ts';
import { MusterError } from '../proto/errors.ts';
import { hash, sign, verify } from '../proto/frame.ts';
import { LIMITS } from '../proto/limits.ts';
import { checkEnrolRequest } from '../proto/validate.ts';
import { ENROL_VERSION, TOKEN_VERSION } from '../proto/version.ts';
import { acceptPublicKeys } from './identity.ts';

export type TokenContent = Omit<Message<'JoinToken'>, 'version'>;

const PREFIX = 'muster-join-';

/** The text that an operator carries to a host. */
export function encodeToken(content: TokenContent): string {
  return PREFIX + Buffer.from(JoinToken.encode({ ...content, version: TOKEN_VERSION })).toString('base64url');
}

/** Throws MusterError('token-malformed'); says what is wrong, never the token. */
export function decodeToken(text: string): TokenContent {
  const trimmed = text.trim();
  const refuse = (why: string): never => {
    throw new MusterError('token-malformed', why);
  };
  if (!trimmed.startsWith(PREFIX)) return refuse(`a join token begins with "${PREFIX}"`);
  const body = trimmed.slice(PREFIX.length);
  if (!/^[A-Za-z0-9_-]+$/.test(body)) return refuse('it has characters that no token has');
  let token: Message<'JoinToken'>;
  try {
    token = JoinToken.decode(Buffer.from(body, 'base64url'));
  } catch {
    return refuse('it is cut or altered');
  }
  // Base64 has spare bits and Node skips a lone last character: one text for one token.
  if (Buffer.from(body, 'base64url').toString('base64url') !== body) return refuse('it is cut or altered');
  if (token.version !== TOKEN_VERSION) return refuse('it was made by another version of Muster');
  const { secret, fleetId, rootKeyId, urls } = token;
  if (secret.length !== 32 || fleetId.length !== LIMITS.keyIdBytes || rootKeyId.length !== LIMITS.keyIdBytes)
    return refuse('it is cut or altered');
  if (urls.length === 0 || urls.length > 16) return refuse('it names no controller');
  return { secret, fleetId, rootKeyId, urls };
}

/** What the controller keeps of a token; the secret itself is never stored. */
export function tokenHash(secret: Uint8Array): Uint8Array {
  return hash('join-token', secret);
}

export type EnrolInput = Omit<Message<'EnrolRequest'>, 'version'>;

export function signEnrolRequest(
  key: KeyPair,
  h1: Uint8Array,
  input: EnrolInput,
): { request: Uint8Array; signature: Uint8Array } {
  const request = EnrolRequest.encode({ ...input, version: ENROL_VERSION });
  return { request, signature: sign(key, 'enrol-request', h1, request) };
}

/** Shape, then keys, then signature. Throws MusterError('malformed' | 'bad-key' | 'bad-signature'). */
export function openEnrolRequest(h1: Uint8Array, request: Uint8Array, signature: Uint8Array): EnrolInput {
  const message = EnrolRequest.decode(request);
  checkEnrolRequest(message);
  if (message.version !== ENROL_VERSION) throw new MusterError('version-unsupported', 'enrolment');
  acceptPublicKeys({ sign: message.signPublicKey, box: message.boxPublicKey });
  if (!verify(message.signPublicKey, signature, 'enrol-request', h1, request))
    throw new MusterError('bad-signature', 'enrolment');
  return message;
}

export type Grant = Omit<Message<'EnrolGrant'>, 'version'>;

export function signGrant(
  key: KeyPair,
  grant: Encodable<Grant> & Grant,
): { grant: Uint8Array; signature: Uint8Array } {
  return signGrantBytes(key, EnrolGrant.encode({ ...grant, version: ENROL_VERSION }));
}

/** Signs a grant that was given before, byte for byte. */
export function signGrantBytes(
  key: KeyPair,
  grant: Uint8Array,
): { grant: Uint8Array; signature: Uint8Array } {
  return { grant, signature: sign(key, 'enrol-grant', grant) };
}

/** Throws MusterError('malformed' | 'bad-signature'). */
export function openGrant(controllerKey: Uint8Array, grant: Uint8Array, signature: Uint8Array): Grant {
  const message = EnrolGrant.decode(grant);
  if (message.version !== ENROL_VERSION) throw new MusterError('version-unsupported', 'enrolment');
  if (!verify(controllerKey, signature, 'enrol-grant', grant))
    throw new MusterError('bad-signature', 'grant');
  return message;
}
