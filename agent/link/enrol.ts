import { type Grant, openGrant, signEnrolRequest } from '../../certs/enrolment.ts';
import type { Clock } from '../../proto/clock.ts';
import { encodeFrame } from '../../proto/codec.ts';
import { MusterError } from '../../proto/errors.ts';
import { equalBytes } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import { agentAddress } from './address.ts';
import { firstFrame, type Greeter, shakeHands } from './handshake.ts';
import type { Dial, Transport } from './transport.ts';

export interface Application {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Takes the name over from an agent that has it, which is removed. */
  readonly replace: boolean;
  readonly hostname: string;
  /** A hint for people, never a proof. */
  readonly machineId: string;
  readonly tokenSecret: Uint8Array;
}

const ANSWER_MS = 30_000;

/**
 * Joins the fleet that the greeter's trust is pinned to, at the first of `urls` that answers. The token's secret is told
 * only after that controller has proved itself. Throws MusterError with the refusal's code, or 'unavailable'.
 */
export async function enrol(
  ports: { clock: Clock; dial: Dial; greeter: Greeter },
  urls: readonly string[],
  application: Application,
): Promise<Grant> {
  let failure = new MusterError('unavailable', 'no address of a controller is known');
  for (const url of urls) {
    try {
      return await enrolAt(ports, agentAddress(url), application);
    } catch (cause) {
      if (!(cause instanceof MusterError) || cause.code !== 'unavailable') throw cause;
      failure = cause;
    }
  }
  throw failure;
}

async function enrolAt(
  { clock, dial, greeter }: { clock: Clock; dial: Dial; greeter: Greeter },
  address: string,
  application: Application,
): Promise<Grant> {
  const tooLong = new AbortController();
  const cancel = clock.after(ANSWER_MS, () =>
    tooLong.abort(new MusterError('unavailable', `${address}: it did not answer in time`)),
  );
  let transport: Transport | undefined;
  try {
    transport = await dial(address, tooLong.signal);
    return await Promise.race([apply(transport, greeter, application), aborted(tooLong.signal)]);
  } finally {
    cancel();
    transport?.close();
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}

async function apply(transport: Transport, greeter: Greeter, application: Application): Promise<Grant> {
  const { identity } = greeter.store;
  const { keys } = identity;
  const opened = await shakeHands(transport, 'enrol', greeter);
  const { tokenSecret, ...claims } = application;
  const signed = signEnrolRequest(keys.sign, opened.h1, {
    ...claims,
    labels: { ...claims.labels },
    signPublicKey: keys.sign.publicKey,
    boxPublicKey: keys.box.publicKey,
    epoch: greeter.epoch(),
  });
  const sealed = opened.channel.seal(encodeFrame('enrol', { ...signed, tokenSecret }));
  if (sealed.length > LIMITS.preProofBytes)
    throw new MusterError('bad-request', 'these are more labels than a request to join may hold');
  transport.send(sealed);
  const answer = await firstFrame(opened);
  if (answer.kind !== 'enrolled') throw new MusterError('malformed', `${answer.kind} in place of enrolled`);
  const grant = openGrant(opened.controllerKey, answer.value.grant, answer.value.signature);
  if (!equalBytes(grant.fleetId, identity.fleetId) || !equalBytes(grant.agentId, identity.agentId))
    throw new MusterError('malformed', 'the grant is for another agent');
  return grant;
}
