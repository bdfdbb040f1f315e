import { decodeToken, signEnrolRequest } from '../../certs/enrolment.ts';
import { type AgentKeys, idOfAgent, makeAgentKeys } from '../../certs/identity.ts';
import { applyTrust, controllerKeyOf, pinned, signerOf, type Trust } from '../../certs/trust.ts';
import type { Gateway } from '../../controller/gateway/engine.ts';
import type { Socket } from '../../controller/gateway/socket.ts';
import { type OpenedBundle, openBundle } from '../../proto/bundle.ts';
import {
  decodeFrame,
  decodePreamble,
  type Encodable,
  encodeFrame,
  encodePreamble,
  type Frame,
  type FrameInput,
  type FrameKind,
  type Message,
  Report,
  type ReportMessage,
} from '../../proto/codec.ts';
import { incrementalSha512 } from '../../proto/crypto.ts';
import { shortHash, sign } from '../../proto/frame.ts';
import { toHex } from '../../proto/ids.ts';
import { acceptWelcome, type Channel, channel, hello, type Purpose, proof } from '../../proto/session.ts';
import { REPORT_VERSION } from '../../proto/version.ts';
import { seededRandom } from './seeded-random.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** The far end of the agents' door: speaks the protocol byte for byte, and does only what the test tells it to. */
export interface FakeAgent {
  readonly id: string;
  readonly keys: AgentKeys;
  epoch: Uint8Array;
  instance: Uint8Array;
  /** How far its wall clock is ahead. */
  skewMs: number;
  counter: number;
  reportSeq: number;
  chain: Uint8Array;
  join(token: string, request?: Partial<JoinRequest>): Promise<FakeSession>;
  connect(): Promise<FakeSession>;
  /** A report of a run that this agent was given, chained and signed. */
  report(
    bundle: OpenedBundle,
    fields?: Partial<Encodable<ReportMessage>>,
    output?: Uint8Array,
  ): Message<'SignedReport'>;
  open(frame: Extract<Frame, { kind: 'deliver' }>): OpenedBundle;
}

interface JoinRequest {
  name: string;
  labels: Record<string, string>;
  replace: boolean;
}

export interface FakeSession {
  /** Everything that came after the handshake, in order. */
  readonly frames: Frame[];
  refusal: { code: string; retryAfterMs: number } | undefined;
  closed: boolean;
  send<K extends FrameKind>(kind: K, value: FrameInput<K>): void;
  sendRaw(bytes: Uint8Array): void;
  close(): void;
  /** From now on the network takes nothing more to it; the returned function lets what was held through. */
  stall(): () => void;
  of<K extends FrameKind>(kind: K): Extract<Frame, { kind: K }>[];
}

export function fakeAgent(
  gateway: () => Gateway,
  clock: VirtualClock,
  trustOf: { fleetId: Uint8Array; rootKeyId: Uint8Array },
  name: string,
): FakeAgent {
  const random = seededRandom(`agent ${name}`);
  const keys = makeAgentKeys(random);
  const id = idOfAgent(trustOf.fleetId, keys.sign.publicKey);
  let trust: Trust = pinned(trustOf.fleetId, trustOf.rootKeyId);

  async function session(purpose: Purpose, afterProof?: (send: FakeSession['send'], h1: Uint8Array) => void) {
    const hail = hello(
      {
        purpose,
        fleetId: trustOf.fleetId,
        agentId: id,
        rootKeyId: trustOf.rootKeyId,
        trustSerial: trust.serial,
      },
      random,
    );
    let sealed: Channel | undefined;
    let held: Uint8Array[] | undefined;
    const at: FakeSession = {
      frames: [],
      refusal: undefined,
      closed: false,
      send: (kind, value) => at.sendRaw(sealed?.seal(encodeFrame(kind, value)) ?? new Uint8Array(0)),
      sendRaw: (bytes) => socket.onMessage(bytes),
      close: () => {
        at.closed = true;
        socket.onClose();
      },
      stall() {
        const parked: Uint8Array[] = [];
        held = parked;
        return () => {
          held = undefined;
          for (const bytes of parked) take(bytes);
        };
      },
      of: <K extends FrameKind>(kind: K) =>
        at.frames.filter((frame): frame is Extract<Frame, { kind: K }> => frame.kind === kind),
    };
    const take = (bytes: Uint8Array): void => {
      if (sealed) {
        const frame = decodeFrame(sealed.open(bytes));
        if (frame.kind === 'refusal') at.refusal = frame.value;
        at.frames.push(frame);
        return;
      }
      const preamble = decodePreamble(bytes);
      if (preamble.kind === 'refusal') at.refusal = preamble.value;
      if (preamble.kind === 'trust') trust = applyTrust(trust, preamble.value);
      if (preamble.kind !== 'welcome') return;
      const welcomed = acceptWelcome(hail, preamble.value.body, preamble.value.signature, (key) =>
        controllerKeyOf(trust, key),
      );
      sealed = channel(welcomed.keys, 'agent');
      agent.counter += 1;
      const proved = proof(keys.sign, welcomed.keys.h1, {
        epoch: agent.epoch,
        counter: agent.counter,
        instance: agent.instance,
        bootId: 'boot',
        agentVersion: '0.1.0',
        factsDigest: new Uint8Array(0),
        wallMs: clock.now() + agent.skewMs,
      });
      at.send('proof', proved);
      afterProof?.(at.send, welcomed.keys.h1);
    };
    const socket: Socket = {
      address: '192.0.2.1',
      send: (bytes) => {
        if (at.closed) return;
        if (held) held.push(bytes);
        else queueMicrotask(() => take(bytes));
      },
      buffered: () => held?.reduce((sum, bytes) => sum + bytes.length, 0) ?? 0,
      pause: () => {},
      resume: () => {},
      trust: () => {},
      close: () => queueMicrotask(at.close),
      terminate: () => queueMicrotask(at.close),
      onMessage: () => {},
      onClose: () => {},
    };
    gateway().accept(socket);
    at.sendRaw(encodePreamble('hello', hail.bytes));
    await clock.settle();
    return at;
  }

  const agent: FakeAgent = {
    id: toHex(id),
    keys,
    epoch: random(16),
    instance: random(16),
    skewMs: 0,
    counter: 0,
    reportSeq: 0,
    chain: new Uint8Array(32),
    connect: () => session('session'),
    join(token, request = {}) {
      const { secret } = decodeToken(token);
      return session('enrol', (send, h1) => {
        const signed = signEnrolRequest(keys.sign, h1, {
          signPublicKey: keys.sign.publicKey,
          boxPublicKey: keys.box.publicKey,
          name,
          labels: {},
          replace: false,
          epoch: agent.epoch,
          hostname: name,
          machineId: '',
          ...request,
        });
        send('enrol', { ...signed, tokenSecret: secret });
      });
    },
    open: (frame) =>
      openBundle(frame.value, {
        fleetId: trustOf.fleetId,
        agentId: id,
        epoch: agent.epoch,
        boxKey: keys.box,
        nowMs: clock.now(),
        forgetFloorMs: 0,
        signer: (key, kind) => signerOf(trust, key, kind, clock.now()),
      }),
    report(bundle, fields: Partial<Encodable<ReportMessage>> = {}, output = new Uint8Array(0)) {
      const digest = incrementalSha512();
      digest.update(output);
      agent.reportSeq += 1;
      const report = Report.encode({
        version: REPORT_VERSION,
        fleetId: trustOf.fleetId,
        agentId: id,
        epoch: agent.epoch,
        reportSeq: agent.reportSeq,
        previous: agent.chain,
        jobId: bundle.order.jobId,
        orderHash: bundle.orderHash,
        attempt: 1,
        state: 'succeeded',
        tasks: [{ index: 0, state: 'succeeded', exited: true, exitCode: 0 }],
        output: {
          length: output.length,
          stored: output.length,
          sha512: digest.digest(),
          stdoutLength: output.length,
        },
        ...fields,
      });
      agent.chain = shortHash('report', report);
      return { report, signature: sign(keys.sign, 'report', report) };
    },
  };
  return agent;
}
