/**
 * The far end of an agent: a controller made of proto and certs alone, that does what a test tells it and records what
 * the agent says.
 */

import type { Dial } from '../../agent/link/transport.ts';
import { openEnrolRequest, signGrant } from '../../certs/enrolment.ts';
import { idOfAgent } from '../../certs/identity.ts';
import { pinned, signTrust, type TrustInput } from '../../certs/trust.ts';
import type { Clock } from '../../proto/clock.ts';
import {
  decodeFrame,
  decodePreamble,
  type Encodable,
  encodeFrame,
  encodePreamble,
  type Frame,
  type FrameKind,
  type Message,
  Report,
  type ReportMessage,
} from '../../proto/codec.ts';
import { type KeyPair, signKeyPair } from '../../proto/crypto.ts';
import { MusterError } from '../../proto/errors.ts';
import { fleetIdOf, keyId, shortHash } from '../../proto/frame.ts';
import type { RandomBytes } from '../../proto/random.ts';
import {
  acceptProof,
  type Channel,
  channel,
  type ProofMessage,
  readHello,
  welcome,
} from '../../proto/session.ts';
import { type MemoryEnd, type MemoryLink, memoryLink } from './memory-link.ts';

export interface AgentSession {
  readonly link: MemoryLink;
  readonly proof: ProofMessage;
  /** Every frame after Proof, in order. */
  readonly frames: Frame[];
  send<K extends FrameKind>(kind: K, value: Parameters<typeof encodeFrame<K>>[1]): void;
  of<K extends FrameKind>(kind: K): Extract<Frame, { kind: K }>['value'][];
  readonly isClosed: boolean;
}

export interface FakeController {
  readonly fleetId: Uint8Array;
  readonly root: KeyPair;
  readonly key: KeyPair;
  readonly dial: Dial;
  /** URLs that were dialled, with the time. */
  readonly dialled: { url: string; atMs: number }[];
  readonly sessions: AgentSession[];
  readonly hellos: Message<'Hello'>[];
  readonly enrolments: { request: ReturnType<typeof openEnrolRequest>; secret: Uint8Array }[];
  /** Set to change what the next dial or handshake meets. */
  readonly behaviour: Behaviour;
  /** Signed trust documents in order; the fleet begins with one. */
  readonly documents: Uint8Array[];
  addTrust(change?: Partial<TrustInput>, roots?: readonly KeyPair[]): Uint8Array;
  /** The session that is up; throws when none is. */
  session(): AgentSession;
  reports(): ReportMessage[];
  /** Acknowledges every report that came in the session that is up. */
  giveReceipt(): void;
}

export interface Behaviour {
  unreachable: boolean | ((url: string) => boolean);
  /** Says no in place of what it would do next. */
  refuseHello: { code: string; detail?: string; retryAfterMs?: number } | undefined;
  refuseProof: { code: string; detail?: string; retryAfterMs?: number } | undefined;
  /** Takes the socket and says nothing. */
  mute: boolean;
  controllerKey: KeyPair | undefined;
  /** The controller's clock; in what it says, 0 is for one that does not tell. */
  timeMs: (() => number) | undefined;
  /** Waited for before `ready`. */
  beforeReady: Promise<void> | undefined;
  /** Which documents an agent with this serial is sent. */
  documentsFor: ((serial: number) => Uint8Array[]) | undefined;
  /** What `ready` says. */
  receipt: Encodable<Message<'Receipt'>> | undefined;
  cursors: { jobId: Uint8Array; attempt: number; position: number }[];
  factsDigest: Uint8Array;
  enrolState: string;
  grantKey: KeyPair | undefined;
  alterWelcome: ((body: Uint8Array) => Uint8Array) | undefined;
}

const DAY_MS = 86_400_000;

export function fakeController(options: { clock: Clock; random: RandomBytes }): FakeController {
  const { clock, random } = options;
  const root = signKeyPair(random(32));
  const key = signKeyPair(random(32));
  const fleetId = fleetIdOf(root.publicKey);
  const documents: Uint8Array[] = [];
  const sessions: AgentSession[] = [];
  const hellos: Message<'Hello'>[] = [];
  const enrolments: FakeController['enrolments'] = [];
  const dialled: FakeController['dialled'] = [];
  const behaviour: Behaviour = {
    unreachable: false,
    refuseHello: undefined,
    refuseProof: undefined,
    mute: false,
    controllerKey: undefined,
    timeMs: undefined,
    beforeReady: undefined,
    documentsFor: undefined,
    receipt: undefined,
    cursors: [],
    factsDigest: new Uint8Array(0),
    enrolState: 'active',
    grantKey: undefined,
    alterWelcome: undefined,
  };

  function addTrust(change: Partial<TrustInput> = {}, roots: readonly KeyPair[] = [root]): Uint8Array {
    const issuedAtMs = clock.now();
    const signed = signTrust(
      {
        fleetId,
        serial: documents.length + 1,
        issuedAtMs,
        expiresAtMs: issuedAtMs + 365 * DAY_MS,
        rootPublicKey: root.publicKey,
        keys: [trustKey(key)],
        urls: ['https://controller.test:7443'],
        minimumAgentVersion: '',
        revoked: [],
        ...change,
      },
      roots,
    );
    documents.push(signed);
    return signed;
  }
  addTrust();

  const timeMs = (): number => behaviour.timeMs?.() ?? clock.now();

  async function answer(end: MemoryEnd, link: MemoryLink): Promise<void> {
    const next = incoming(end);
    const preamble = decodePreamble(await next());
    if (preamble.kind !== 'hello') throw new Error(`${preamble.kind} in place of hello`);
    if (behaviour.mute) return;
    const hello = readHello(preamble.value);
    hellos.push(hello);
    if (behaviour.refuseHello) {
      end.send(encodePreamble('refusal', { detail: '', retryAfterMs: 0, ...behaviour.refuseHello }));
      return end.close();
    }
    const mine = behaviour.documentsFor?.(hello.trustSerial) ?? documents.slice(hello.trustSerial);
    for (const trust of mine) end.send(encodePreamble('trust', trust));
    const greeting = welcome(
      preamble.value,
      hello,
      {
        controllerKey: behaviour.controllerKey ?? key,
        trustSerial: documents.length,
        timeMs: timeMs(),
      },
      random,
    );
    const body = behaviour.alterWelcome?.(greeting.body) ?? greeting.body;
    end.send(encodePreamble('welcome', { body, signature: greeting.signature }));
    const sealed = channel(greeting.keys, 'controller');
    const proof = decodeFrame(sealed.open(await next()));
    if (proof.kind !== 'proof') throw new Error(`${proof.kind} in place of proof`);
    if (behaviour.refuseProof) {
      end.send(
        sealed.seal(encodeFrame('refusal', { detail: '', retryAfterMs: 0, ...behaviour.refuseProof })),
      );
      return end.close();
    }
    if (hello.purpose === 'enrol')
      return enrol(end, sealed, hello, greeting.keys.h1, await next(), proof.value);
    const { signPublicKey } = agentKeyOf(hello);
    const proved = acceptProof(signPublicKey, greeting.keys.h1, proof.value.body, proof.value.signature);
    await behaviour.beforeReady;
    serve(end, link, sealed, proved, next);
  }

  function enrol(
    end: MemoryEnd,
    sealed: Channel,
    hello: Message<'Hello'>,
    h1: Uint8Array,
    bytes: Uint8Array,
    proof: Message<'Proof'>,
  ): void {
    const frame = decodeFrame(sealed.open(bytes));
    if (frame.kind !== 'enrol') throw new Error(`${frame.kind} in place of enrol`);
    const request = openEnrolRequest(h1, frame.value.request, frame.value.signature);
    acceptProof(request.signPublicKey, h1, proof.body, proof.signature);
    enrolments.push({ request, secret: frame.value.tokenSecret });
    const { name, labels } = request;
    const grant = { fleetId, agentId: hello.agentId, name, labels, state: behaviour.enrolState };
    end.send(sealed.seal(encodeFrame('enrolled', signGrant(behaviour.grantKey ?? key, grant))));
    end.close();
  }

  /** Agents are known by what they are registered with, here by the tests that make them. */
  function agentKeyOf(hello: Message<'Hello'>): { signPublicKey: Uint8Array } {
    for (const signPublicKey of known)
      if (Buffer.compare(idOfAgent(fleetId, signPublicKey), hello.agentId) === 0) return { signPublicKey };
    throw new Error('an agent that the test did not register');
  }

  function serve(
    end: MemoryEnd,
    link: MemoryLink,
    sealed: Channel,
    proof: ProofMessage,
    next: () => Promise<Uint8Array>,
  ): void {
    const frames: Frame[] = [];
    const session: AgentSession = {
      link,
      proof,
      frames,
      send: (kind, value) => end.send(sealed.seal(encodeFrame(kind, value))),
      of: <K extends FrameKind>(kind: K) =>
        frames
          .filter((one): one is Extract<Frame, { kind: K }> => one.kind === kind)
          .map((one) => one.value as never),
      get isClosed() {
        return end.isClosed;
      },
    };
    sessions.push(session);
    session.send('ready', {
      factsDigest: behaviour.factsDigest,
      receipt: behaviour.receipt ?? null,
      runs: behaviour.cursors,
    });
    void (async () => {
      for (;;) {
        const frame = decodeFrame(sealed.open(await next()));
        frames.push(frame);
        if (frame.kind === 'ping') session.send('pong', { id: frame.value.id, timeMs: timeMs() });
      }
    })().catch((cause) => {
      if (!(cause instanceof Closed)) throw cause;
    });
  }

  const controller: FakeController & { known: Uint8Array[] } = {
    fleetId,
    root,
    key,
    dialled,
    sessions,
    hellos,
    enrolments,
    behaviour,
    documents,
    known: [],
    addTrust,
    dial: async (url, signal) => {
      signal.throwIfAborted();
      dialled.push({ url, atMs: clock.monotonicMs() });
      const { unreachable } = behaviour;
      if (typeof unreachable === 'function' ? unreachable(url) : unreachable)
        throw new MusterError('unavailable', `${url}: nobody there`);
      const link = memoryLink();
      void answer(link.controller, link).catch((cause) => {
        if (!(cause instanceof Closed)) throw cause;
      });
      return link.agent;
    },
    session() {
      const last = sessions.at(-1);
      if (!last || last.isClosed) throw new Error('no session is up');
      return last;
    },
    reports: () =>
      sessions.flatMap((session) => session.of('report').map((one) => Report.decode(one.report))),
    giveReceipt() {
      const session = controller.session();
      const last = session.of('report').at(-1);
      if (!last) return;
      const { epoch, reportSeq } = Report.decode(last.report);
      session.send('receipt', { epoch, reportSeq, chain: shortHash('report', last.report) });
    },
  };
  const { known } = controller;
  registries.set(controller, known);
  return controller;
}

const registries = new WeakMap<FakeController, Uint8Array[]>();

/** The controller knows this agent from now on. */
export function register(controller: FakeController, signPublicKey: Uint8Array): void {
  registries.get(controller)?.push(signPublicKey);
}

export function trustKey(
  key: KeyPair,
  change: Partial<TrustInput['keys'][number]> = {},
): TrustInput['keys'][number] {
  return {
    role: 'controller',
    publicKey: key.publicKey,
    name: '',
    kinds: ['run', 'cancel'],
    notAfterMs: 0,
    ...change,
  };
}

export function pinOf(controller: FakeController) {
  return pinned(controller.fleetId, keyId('root', controller.root.publicKey));
}

class Closed extends Error {}

function incoming(end: MemoryEnd): () => Promise<Uint8Array> {
  const waiting: Uint8Array[] = [];
  let closed = false;
  let taker: { resolve(bytes: Uint8Array): void; reject(error: Error): void } | undefined;
  end.receive({
    message(bytes) {
      if (taker) taker.resolve(bytes);
      else waiting.push(bytes);
      taker = undefined;
    },
    closed() {
      closed = true;
      taker?.reject(new Closed());
    },
  });
  return () =>
    new Promise((resolve, reject) => {
      const first = waiting.shift();
      if (first) resolve(first);
      else if (closed) reject(new Closed());
      else taker = { resolve, reject };
    });
}
