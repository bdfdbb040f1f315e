import { controllerKeyOf } from '../certs/trust.ts';
import type { Clock } from '../proto/clock.ts';
import { type Frame, type Message, SignedOrder } from '../proto/codec.ts';
import { type ErrorCode, MusterError } from '../proto/errors.ts';
import { fromHex, toHex } from '../proto/ids.ts';
import { LIMITS } from '../proto/limits.ts';
import type { RandomBytes } from '../proto/random.ts';
import type { Opener } from './bundle/open.ts';
import { type Policy, wantsOperators } from './bundle/policy.ts';
import type { ContentLink } from './contents/engine.ts';
import { createFactsFeed, type Gathered } from './facts-feed.ts';
import type { IdentityStore } from './identity/identity.ts';
import type { Leaving } from './leaving/engine.ts';
import type { ContactLine } from './link/contact.ts';
import { controllerTime } from './link/controller-time.ts';
import { takeTrust } from './link/handshake.ts';
import { createLoop } from './link/loop.ts';
import { openSession, type Session } from './link/session.ts';
import type { LinkEnd, LinkState } from './link/state.ts';
import type { Dial } from './link/transport.ts';
import type { Log } from './log.ts';
import { createRuns } from './runs/engine.ts';
import type { RunLimits, RunStatus, Starter } from './runs/ports.ts';
import { type Reporter, signAgain } from './runs/report.ts';
import type { Chain, Journal, Rechain } from './spool/journal.ts';
import type { KeptFiles } from './spool/kept-files.ts';
import { createOutbox } from './spool/outbox.ts';
import { hasGapAfter, receiptedUpTo } from './spool/receipt.ts';

/** Everything that an agent does in the world. */
export interface AgentPorts {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  readonly dial: Dial;
  readonly store: IdentityStore;
  readonly journal: Journal;
  readonly kept: KeptFiles;
  readonly executor: Starter;
  readonly contents: ContentLink;
  readonly contact: Pick<ContactLine, 'opened' | 'closed'>;
  readonly policy: Policy;
  readonly leaving: Pick<Leaving, 'isDecided' | 'receipted' | 'forgotten'>;
  readonly limits: RunLimits;
  /** Tried before those that the trust document names. */
  readonly urls: readonly string[];
  readonly bootId: string;
  readonly agentVersion: string;
  soon(fn: () => void): void;
  gatherFacts(): Promise<Gathered>;
  freeBytes(): number;
  onLink(state: LinkState): void;
}

export interface Agent {
  start(): void;
  /** Closes the link. What runs goes on, and is found again by the next agent. */
  stop(): Promise<void>;
}

const FORGET_EVERY_MS = 3_600_000;

/**
 * The agent as one function of its ports: no file, socket, process, clock or randomness but theirs.
 *
 *   link ──frames──> runs ──starts──> executor          outbox ──output, reports──> link
 *                     └──journal──> outbox
 */
export function createAgent(ports: AgentPorts): Agent {
  const { clock, log, journal, store } = ports;
  const { identity } = store;
  const stopping = new AbortController();
  const time = controllerTime(clock);
  const instance = ports.random(LIMITS.keyIdBytes);
  let session: Session | undefined;
  let cancelForget = (): void => {};

  /** Where operators must sign, a controller that lies about the time gains nothing by saying that it is earlier. */
  function nowMs(): number | undefined {
    const toldMs = time.nowMs();
    if (toldMs === undefined || !wantsOperators(ports.policy)) return toldMs;
    return Math.max(toldMs, clock.now());
  }

  const opener: Opener = {
    fleetId: identity.fleetId,
    agentId: identity.agentId,
    boxKey: identity.keys.box,
    epoch: journal.epoch,
    trust: store.trust,
    // Orders come in sessions, and a session has said the time.
    nowMs: () => nowMs() ?? Number.POSITIVE_INFINITY,
    forgetFloorMs: journal.forgetFloorMs,
  };
  const reporter: Reporter = {
    fleetId: identity.fleetId,
    agentId: identity.agentId,
    signKey: identity.keys.sign,
    agentVersion: ports.agentVersion,
  };
  const outbox = createOutbox(ports);
  const runs = createRuns({
    ...ports,
    opener,
    outbox,
    nowMs,
    stopping: stopping.signal,
    reporter,
    isLeaving: ports.leaving.isDecided,
    tell: (status) => session?.send('status', statusFrame(status)),
  });
  const facts = createFactsFeed({
    clock,
    gather: ports.gatherFacts,
    send: ({ json, digest }) => session?.send('facts', { json, digest }),
  });
  const loop = createLoop({
    ...ports,
    urls: () => [...new Set([...ports.urls, ...(store.trust().document?.urls ?? []), ...identity.urls])],
    greet: (transport) =>
      openSession(
        transport,
        {
          ...ports,
          instance,
          epoch: journal.epoch,
          factsDigest: facts.digest,
          wallMs: clock.now,
          onTime: time.set,
          onRefused,
        },
        clock,
      ),
    serve,
    onState: ports.onLink,
  });

  function onRefused(code: ErrorCode): void {
    if (code === 'agent-removed' || code === 'agent-unknown') return ports.leaving.forgotten();
    if (code !== 'epoch-renew') return;
    newEpoch({ afterSeq: 0, sign: chainAnew });
    log.warn({}, 'the controller keeps this machine, not another with its keys; a new epoch begins');
  }

  async function serve(opened: Session): Promise<LinkEnd> {
    session = opened;
    ports.contact.opened(opened);
    try {
      begin(opened);
      const end = await opened.ended;
      if (end.code === 'agent-removed') ports.leaving.forgotten();
      return end;
    } finally {
      session = undefined;
      ports.contact.closed();
      outbox.close();
      ports.contents.close();
    }
  }

  function begin(opened: Session): void {
    const { receipt, runs: cursors, factsDigest } = opened.ready;
    const seq = receipt ? takeReceipt(opened, receipt) : 0;
    if (seq === undefined) return;
    if (hasGapAfter(seq, journal)) {
      const reason = 'the controller lacks reports that were forgotten; the others follow in a new epoch';
      return renew(opened, reason, { afterSeq: seq, sign: chainAnew });
    }
    forget();
    runs.resume();
    outbox.open(opened, seq, cursors);
    ports.contents.open((request) => opened.send('contentRequest', request));
    facts.compare(factsDigest);
    opened.onTime((controllerTimeMs, ageMs) => {
      time.correct(controllerTimeMs, ageMs);
      runs.look();
    });
    opened.receive((frame) => take(opened, frame));
  }

  function take(opened: Session, frame: Frame): void {
    switch (frame.kind) {
      case 'deliver':
        runs.deliver(frame.value).catch((cause) => log.error({ cause: String(cause) }, 'delivery failed'));
        return;
      case 'cancel':
        return runs.cancel(SignedOrder.encode(frame.value));
      case 'outputAck': {
        const { jobId, attempt, position } = frame.value;
        return outbox.ack({ jobId: toHex(jobId), attempt }, position);
      }
      case 'receipt':
        takeReceipt(opened, frame.value);
        return;
      case 'contentChunk':
        return ports.contents.chunk(frame.value);
      case 'contentRefusal':
        return ports.contents.refused(frame.value);
      case 'trust':
        return takeNewTrust(opened, frame.value);
      default:
        log.warn({ kind: frame.kind }, 'a frame that no agent expects');
    }
  }

  /** Up to which report the controller has them; undefined when the session ended over it. */
  function takeReceipt(opened: Session, receipt: Message<'Receipt'>): number | undefined {
    const seq = receiptedUpTo(receipt, journal);
    if (seq !== 'forked') {
      try {
        if (seq > 0) runs.receipt(seq);
        ports.leaving.receipted(seq);
      } catch (cause) {
        // It comes again with the next session; what it would have freed waits until then.
        log.error({ cause: String(cause) }, 'receipt not taken');
      }
      return seq;
    }
    renew(opened, 'the controller has later reports than this journal; it begins a new epoch');
    return undefined;
  }

  const chainAnew = (report: Uint8Array, chain: Chain) => signAgain(reporter, report, chain);

  /** The next session's Proof says it. */
  function newEpoch(keep?: Rechain): void {
    journal.renew(ports.random(LIMITS.keyIdBytes), keep);
    runs.renewed();
  }

  function renew(opened: Session, reason: string, keep?: Rechain): void {
    newEpoch(keep);
    log.error({ seq: opened.ready.receipt?.reportSeq }, reason);
    opened.end({ reason });
  }

  /** A document that does not verify changes nothing; one that takes the controller's key away ends its session. */
  function takeNewTrust(opened: Session, signed: Uint8Array): void {
    try {
      takeTrust(store, signed);
    } catch (cause) {
      if (!(cause instanceof MusterError) || cause.code !== 'trust-rejected') throw cause;
      return log.warn({ cause: cause.message }, 'trust document refused');
    }
    log.info({ serial: store.trust().serial }, 'trust document taken');
    if (controllerKeyOf(store.trust(), opened.controllerKeyId)) runs.look();
    else opened.end({ reason: "the controller's key was taken out of the trust document" });
  }

  function forget(): void {
    cancelForget();
    const toldMs = time.nowMs();
    try {
      // What is forgotten cannot be taken back, and its floor refuses others: only what is over by both clocks.
      if (toldMs !== undefined) journal.forget(Math.min(toldMs, clock.now()));
    } catch (cause) {
      log.error({ cause: String(cause) }, 'old orders not forgotten');
    }
    cancelForget = clock.after(FORGET_EVERY_MS, forget);
  }

  return {
    start() {
      runs.recover();
      facts.start();
      loop.start();
    },
    async stop() {
      stopping.abort(new MusterError('agent-stopping'));
      facts.stop();
      runs.stop();
      cancelForget();
      await loop.stop();
    },
  };
}

const NO_JOB = new Uint8Array(LIMITS.jobIdBytes);

function statusFrame(status: RunStatus) {
  const jobId = fromHex(status.jobId ?? '', LIMITS.jobIdBytes) ?? NO_JOB;
  return {
    ...status,
    jobId,
    detail: (status.detail ?? '').slice(0, DETAIL_CHARS).toWellFormed(),
    code: status.code ?? '',
    task: status.task ?? 0,
  };
}

const DETAIL_CHARS = 500;
