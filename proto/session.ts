/**
 * The session inside the websocket: a SIGMA-shaped handshake, then numbered frames. Pure: bytes in, bytes out.
 *
 *   agent      Hello    versions, fleet, agent id, nonce, ephemeral, trust serial          ->
 *   controller Trust*   documents that the agent lacks, verified before anything else      <-
 *   controller Welcome  body, signature over h1 = H("transcript", hello, body)             <-
 *   agent      Proof    body, signature over (h1, body); the first frame under the keys    ->
 *
 * Source: H. Krawczyk, "SIGMA: the 'SIGn-and-MAc' Approach to Authenticated Diffie-Hellman", 2003. Both signatures cover
 * both ephemerals and both identities (the agent's id in Hello, the controller's key id in Welcome); the agent's proof of
 * the key is that its frame opens, the controller's that its first frame does, and only then is an agent online.
 */

import { Hello, type Message, ProofBody, WelcomeBody } from './codec.ts';
import { aeadOpen, aeadSeal, boxKeyPair, hmacSha512, type KeyPair, x25519 } from './crypto.ts';
import { MusterError } from './errors.ts';
import { frame, hash, keyId, sign, verify } from './frame.ts';
import { equalBytes } from './ids.ts';
import { LIMITS } from './limits.ts';
import type { RandomBytes } from './random.ts';
import { checkHello, checkProofBody, checkWelcomeBody } from './validate.ts';
import { SESSION_VERSIONS } from './version.ts';

export type HelloMessage = Message<'Hello'>;
export type ProofMessage = Message<'ProofBody'>;
export type Purpose = 'session' | 'enrol';

export interface HelloInput {
  purpose: Purpose;
  fleetId: Uint8Array;
  agentId: Uint8Array;
  rootKeyId: Uint8Array;
  trustSerial: number;
}

export interface Hail {
  readonly bytes: Uint8Array;
  readonly ephemeral: KeyPair;
}

/** The agent's first message and the ephemeral key it must keep until Welcome. */
export function hello(input: HelloInput, random: RandomBytes): Hail {
  const ephemeral = boxKeyPair(random(LIMITS.publicKeyBytes));
  const bytes = Hello.encode({
    ...input,
    versions: SESSION_VERSIONS,
    nonce: random(LIMITS.nonceBytes),
    ephemeral: ephemeral.publicKey,
  });
  return { bytes, ephemeral };
}

export function readHello(bytes: Uint8Array): HelloMessage {
  const message = Hello.decode(bytes);
  checkHello(message);
  return message;
}

/** The best version that both sides speak, or undefined. */
export function commonVersion(offered: readonly number[]): number | undefined {
  return SESSION_VERSIONS.find((version) => offered.includes(version));
}

export interface SessionKeys {
  /** H("transcript", hello, welcome body): what both signatures cover. */
  readonly h1: Uint8Array;
  readonly toAgent: Uint8Array;
  readonly toController: Uint8Array;
}

export interface WelcomeInput {
  controllerKey: KeyPair;
  trustSerial: number;
  timeMs: number;
}

/** The controller's answer. Throws MusterError('malformed') when the agent's ephemeral is not acceptable. */
export function welcome(
  helloBytes: Uint8Array,
  helloMessage: HelloMessage,
  input: WelcomeInput,
  random: RandomBytes,
): { body: Uint8Array; signature: Uint8Array; keys: SessionKeys } {
  const version = commonVersion(helloMessage.versions);
  if (version === undefined)
    throw new MusterError(
      'version-unsupported',
      `the agent speaks session version ${helloMessage.versions.join(', ')}, the controller ${SESSION_VERSIONS.join(', ')}`,
    );
  const ephemeral = boxKeyPair(random(LIMITS.publicKeyBytes));
  const body = WelcomeBody.encode({
    version,
    nonce: random(LIMITS.nonceBytes),
    ephemeral: ephemeral.publicKey,
    controllerKeyId: keyId('controller', input.controllerKey.publicKey),
    trustSerial: input.trustSerial,
    timeMs: input.timeMs,
  });
  const h1 = hash('transcript', helloBytes, body);
  const keys = sessionKeys(ephemeral.privateKey, helloMessage.ephemeral, h1);
  return { body, signature: sign(input.controllerKey, 'hs-controller', h1), keys };
}

export interface Welcomed {
  keys: SessionKeys;
  version: number;
  controllerTimeMs: number;
  trustSerial: number;
}

/**
 * The agent's check of Welcome, with the controller key that its current trust document names.
 * Throws MusterError('handshake-failed').
 */
export function acceptWelcome(
  hail: Hail,
  body: Uint8Array,
  signature: Uint8Array,
  controllerKeyById: (keyId: Uint8Array) => Uint8Array | undefined,
): Welcomed {
  const message = WelcomeBody.decode(body);
  checkWelcomeBody(message);
  const controllerKey = controllerKeyById(message.controllerKeyId);
  if (!controllerKey) throw new MusterError('handshake-failed', 'its key is not in the trust document');
  const h1 = hash('transcript', hail.bytes, body);
  if (!verify(controllerKey, signature, 'hs-controller', h1))
    throw new MusterError('handshake-failed', 'its signature does not verify');
  if (!SESSION_VERSIONS.includes(message.version)) throw new MusterError('version-unsupported');
  return {
    keys: sessionKeys(hail.ephemeral.privateKey, message.ephemeral, h1),
    version: message.version,
    controllerTimeMs: message.timeMs,
    trustSerial: message.trustSerial,
  };
}

function sessionKeys(privateKey: Uint8Array, publicKey: Uint8Array, h1: Uint8Array): SessionKeys {
  const secret = x25519(privateKey, publicKey);
  if (!secret) throw new MusterError('malformed', 'the ephemeral key is not acceptable');
  const key = (direction: string): Uint8Array =>
    hmacSha512(secret, frame('session', Buffer.from(direction, 'ascii'), h1)).subarray(0, 32);
  return { h1, toAgent: key('controller-agent'), toController: key('agent-controller') };
}

export function proof(
  key: KeyPair,
  h1: Uint8Array,
  input: Omit<ProofMessage, never>,
): { body: Uint8Array; signature: Uint8Array } {
  const body = ProofBody.encode(input);
  return { body, signature: sign(key, 'hs-agent', h1, body) };
}

/** Throws MusterError('malformed' | 'bad-signature'). */
export function acceptProof(
  agentSignKey: Uint8Array,
  h1: Uint8Array,
  body: Uint8Array,
  signature: Uint8Array,
): ProofMessage {
  const message = ProofBody.decode(body);
  checkProofBody(message);
  if (!verify(agentSignKey, signature, 'hs-agent', h1, body)) throw new MusterError('bad-signature', 'proof');
  return message;
}

/** Numbered, sealed messages of one session; whatever is lost, repeated, reordered or altered fails to open. */
export interface Channel {
  seal(plain: Uint8Array): Uint8Array;
  /** Throws MusterError('malformed'); the session must then end. */
  open(sealed: Uint8Array): Uint8Array;
}

export function channel(keys: SessionKeys, side: 'agent' | 'controller'): Channel {
  const [sendKey, receiveKey] =
    side === 'agent' ? [keys.toController, keys.toAgent] : [keys.toAgent, keys.toController];
  let sent = 0;
  let received = 0;
  return {
    seal: (plain) => aeadSeal(sendKey, counterNonce(sent++), plain),
    open(sealed) {
      const plain = aeadOpen(receiveKey, counterNonce(received), sealed);
      if (!plain) throw new MusterError('malformed', 'a frame did not open');
      received += 1;
      return plain;
    },
  };
}

/** 12 bytes: 0^4 ‖ u64be(counter). Each direction has a key of its own, so the counter alone never repeats. */
function counterNonce(counter: number): Uint8Array {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64BE(BigInt(counter), 4);
  return nonce;
}

/** Whether a Hello asks for this fleet. */
export function isForFleet(message: HelloMessage, fleetId: Uint8Array): boolean {
  return equalBytes(message.fleetId, fleetId);
}
