/**
 * The controller's side of the handshake, for one socket: what may come next, and what is answered. The states:
 *
 *   hello ──> proof ──> (purpose session) beginning ──> over: the session goes on in link.ts
 *               └─────> (purpose enrol)   enrol ──> over: granted, then closed
 */

import { idOfAgent } from '../../certs/identity.ts';
import {
  decodeFrame,
  decodePreamble,
  EnrolRequest,
  encodeFrame,
  encodePreamble,
  type Frame,
} from '../../proto/codec.ts';
import { MusterError } from '../../proto/errors.ts';
import { equalBytes, toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import {
  acceptProof,
  type Channel,
  channel,
  type HelloMessage,
  isForFleet,
  readHello,
  type SessionKeys,
  welcome,
} from '../../proto/session.ts';
import { checkEnrolRequest } from '../../proto/validate.ts';
import type { GatewayPorts, SessionProof } from './ports.ts';

export interface Proved {
  agentId: string;
  proof: SessionProof;
  factsDigest: Uint8Array;
  /** The host's wall clock minus ours, when its proof came. */
  clockSkewMs: number;
  channel: Channel;
}

export type Step =
  | { kind: 'more' }
  | { kind: 'proved'; proved: Proved }
  | { kind: 'enrolled'; agentId: string };

export interface Handshake {
  /** The id that it says it has, from Hello on; proved by nothing. */
  readonly claimedId: string | undefined;
  /** Takes the next message. Throws (or rejects with) MusterError; the socket must then be refused and closed. */
  take(bytes: Uint8Array): Step | Promise<Step>;
  /** How to say no: sealed once there are keys. */
  refusal(error: MusterError, retryAfterMs?: number): Uint8Array;
}

type Proof = Extract<Frame, { kind: 'proof' }>['value'];

type State =
  | { at: 'hello' }
  | { at: 'proof'; hello: HelloMessage; keys: SessionKeys; channel: Channel }
  | { at: 'enrol'; hello: HelloMessage; keys: SessionKeys; channel: Channel; proof: Proof }
  | { at: 'over'; channel?: Channel };

const MORE: Step = { kind: 'more' };

export function createHandshake(ports: GatewayPorts, send: (bytes: Uint8Array) => void): Handshake {
  let state: State = { at: 'hello' };
  let taken = 0;
  let claimedId: string | undefined;

  function takeHello(bytes: Uint8Array): Step {
    const preamble = decodePreamble(bytes);
    if (preamble.kind !== 'hello') throw new MusterError('malformed', 'expected hello');
    const hello = readHello(preamble.value);
    claimedId = toHex(hello.agentId);
    if (!isForFleet(hello, ports.fleet.fleetId)) throw new MusterError('fleet-unknown');
    const trustSerial = ports.fleet.current().serial;
    const input = { controllerKey: ports.fleet.controllerKey(), trustSerial, timeMs: ports.clock.now() };
    const { body, signature, keys } = welcome(preamble.value, hello, input, ports.random);
    for (const trust of ports.fleet.documentsFor(hello.trustSerial, hello.rootKeyId))
      send(encodePreamble('trust', trust));
    send(encodePreamble('welcome', { body, signature }));
    state = { at: 'proof', hello, keys, channel: channel(keys, 'controller') };
    return MORE;
  }

  function takeProof(at: Extract<State, { at: 'proof' }>, bytes: Uint8Array): Step {
    const frame = decodeFrame(at.channel.open(bytes));
    if (frame.kind !== 'proof') throw new MusterError('malformed', 'expected proof');
    if (at.hello.purpose === 'enrol') {
      taken = 0;
      state = { ...at, at: 'enrol', proof: frame.value };
      return MORE;
    }
    const agentId = toHex(at.hello.agentId);
    const signKey = ports.agents.signKeyOf(agentId);
    if (!signKey) throw new MusterError('agent-unknown');
    const proof = acceptProof(signKey, at.keys.h1, frame.value.body, frame.value.signature);
    state = { at: 'over', channel: at.channel };
    return {
      kind: 'proved',
      proved: {
        agentId,
        channel: at.channel,
        factsDigest: proof.factsDigest,
        clockSkewMs: proof.wallMs - ports.clock.now(),
        proof: {
          epoch: toHex(proof.epoch),
          counter: proof.counter,
          instance: toHex(proof.instance),
          bootId: proof.bootId,
          agentVersion: proof.agentVersion,
        },
      },
    };
  }

  async function takeEnrol(at: Extract<State, { at: 'enrol' }>, bytes: Uint8Array): Promise<Step> {
    const frame = decodeFrame(at.channel.open(bytes));
    if (frame.kind !== 'enrol') throw new MusterError('malformed', 'expected an enrolment');
    state = { at: 'over', channel: at.channel };
    const { request, signature, tokenSecret } = frame.value;
    // The proof came first, with a key that only this request names.
    const { signPublicKey } = readRequest(request);
    if (!equalBytes(idOfAgent(ports.fleet.fleetId, signPublicKey), at.hello.agentId))
      throw new MusterError('malformed', 'the agent id is not of this key');
    acceptProof(signPublicKey, at.keys.h1, at.proof.body, at.proof.signature);
    const attempt = { h1: at.keys.h1, agentId: at.hello.agentId, request, signature, tokenSecret };
    const granted = await ports.enrol(attempt);
    send(at.channel.seal(encodeFrame('enrolled', { grant: granted.grant, signature: granted.signature })));
    return { kind: 'enrolled', agentId: granted.agentId };
  }

  return {
    get claimedId() {
      return claimedId;
    },
    take(bytes) {
      taken += bytes.length;
      if (taken > LIMITS.preProofBytes) throw new MusterError('malformed', 'too much before the session');
      switch (state.at) {
        case 'hello':
          return takeHello(bytes);
        case 'proof':
          return takeProof(state, bytes);
        case 'enrol':
          return takeEnrol(state, bytes);
        case 'over':
          throw new MusterError('malformed', 'a message before the answer to the last one');
      }
    },
    refusal(error, retryAfterMs = 0) {
      // Few public reasons: what went wrong inside stays in the log.
      const refusal = {
        code: error.code,
        detail: error.code === 'internal' ? '' : (error.detail ?? ''),
        retryAfterMs,
      };
      const sealing = state.at === 'hello' ? undefined : state.channel;
      return sealing ? sealing.seal(encodeFrame('refusal', refusal)) : encodePreamble('refusal', refusal);
    },
  };
}

function readRequest(bytes: Uint8Array) {
  const request = EnrolRequest.decode(bytes);
  checkEnrolRequest(request);
  return request;
}
