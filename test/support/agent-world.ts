/** A whole agent core against a fake controller, under a virtual clock: real journal and spool, nothing else real. */

import { join } from 'node:path';
import { type Agent, type AgentPorts, createAgent } from '../../agent/agent.ts';
import { OPEN_POLICY } from '../../agent/bundle/policy.ts';
import { createContents } from '../../agent/contents/engine.ts';
import { openOutputLog } from '../../agent/executor/output.ts';
import type { Beginning, CheckedRun, Resumption, Run, RunResult, RunSpec } from '../../agent/executor/run.ts';
import type { Gathered } from '../../agent/facts-feed.ts';
import type { IdentityStore } from '../../agent/identity/identity.ts';
import { createContactLine } from '../../agent/link/contact.ts';
import type { LinkState } from '../../agent/link/state.ts';
import type { Log } from '../../agent/log.ts';
import type { Journal } from '../../agent/spool/journal.ts';
import { keptFiles } from '../../agent/spool/kept-files.ts';
import { openJournal } from '../../agent/spool/open-journal.ts';
import { idOfAgent, makeAgentKeys } from '../../certs/identity.ts';
import type { Trust } from '../../certs/trust.ts';
import type { OrderMessage } from '../../proto/codec.ts';
import type { KeyPair } from '../../proto/crypto.ts';
import { toHex } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import { type FakeController, fakeController, pinOf, register } from './fake-controller.ts';
import { temporaryFolder } from './folder.ts';
import { memoryCache } from './memory-cache.ts';
import { memoryLog } from './memory-log.ts';
import { NEVER_LEAVING } from './never-leaving.ts';
import { type Made, makeCancel, makeOrder } from './orders.ts';
import { seededRandom } from './seeded-random.ts';
import { type VirtualClock, virtualClock } from './virtual-clock.ts';

export interface FakeRun extends Run {
  readonly spec: RunSpec;
  readonly beginning: Beginning;
  /** Set when it was taken up. */
  readonly resumed: Resumption | undefined;
  readonly causes: string[];
  disposed: boolean;
  write(stream: 'stdout' | 'stderr', data: string | Uint8Array): void;
  finish(result?: Partial<RunResult>): void;
}

export interface LogLine {
  level: string;
  event: string;
  fields: Record<string, unknown>;
}

export interface AgentWorld {
  readonly clock: VirtualClock;
  readonly controller: FakeController;
  readonly folder: string;
  readonly log: LogLine[];
  readonly links: LinkState[];
  /** Every run that was started, oldest first. */
  readonly started: FakeRun[];
  readonly store: IdentityStore & { saved: number; counter: number };
  agent: Agent;
  journal: Journal;
  /** Takes the place of what the executor finds wrong before the start. */
  check: ((spec: RunSpec) => Promise<CheckedRun>) | undefined;
  freeBytes: number;
  facts: Gathered;
  start(): Promise<void>;
  /** As after kill -9: nothing of the old agent is heard of any more; the new one finds its journal. */
  crash(change?: Partial<AgentPorts>): Promise<void>;
  order(change?: Partial<OrderMessage>, signers?: Signers): Made;
  /** Sends the order's bundle in the session that is up, and lets things settle. */
  deliver(made: Made): Promise<void>;
  cancel(made: Made, key?: KeyPair): Promise<void>;
}

type Signers = { role: 'controller' | 'operator'; key: KeyPair }[];

const LIMITS_OF_RUNS = { parallel: 2, waiting: 4, reserveBytes: 1000 };

export async function agentWorld(
  t: { after(fn: () => unknown): void },
  change: Partial<AgentPorts> = {},
): Promise<AgentWorld> {
  const clock = virtualClock();
  const random = seededRandom('agent world');
  const controller = fakeController({ clock, random });
  const folder = temporaryFolder(t);
  const keys = makeAgentKeys(random);
  const agentId = idOfAgent(controller.fleetId, keys.sign.publicKey);
  register(controller, keys.sign.publicKey);
  const store = memoryStore(controller, keys, agentId);
  const log: LogLine[] = [];
  const started: FakeRun[] = [];
  const links: LinkState[] = [];
  let alive = 0;

  const openIt = (): Journal =>
    openJournal({
      file: join(folder, 'journal.db'),
      newEpoch: () => random(16),
      onCorrupt: () => {},
      now: clock.now,
    });

  function build(ports: Partial<AgentPorts>): Agent {
    const life = ++alive;
    const living = <T>(fn: () => T): T | undefined => (life === alive ? fn() : undefined);
    return createAgent({
      urls: [],
      clock: { ...clock, after: (ms, fn) => clock.after(ms, () => void living(fn)) },
      random,
      log: listLog(log),
      dial: controller.dial,
      store,
      journal: world.journal,
      kept: keptFiles(join(folder, 'spool'), async () => {}),
      executor: {
        check: async (spec) =>
          world.check ? world.check(spec) : { spec, cwd: '/', otherUser: false, account: ACCOUNT },
        hasBegun: ({ jobId, attempt }) =>
          started.some(({ spec }) => spec.jobId === jobId && spec.attempt === attempt),
        start(checked, beginning, resumed) {
          const run = fakeRun(checked.spec, clock, beginning, resumed);
          started.push(run);
          return run;
        },
      },
      contents: createContents({
        clock,
        log: listLog(log),
        disk: memoryCache(clock.now),
        limits: { quotaBytes: 1 << 30, reserveBytes: 1000 },
      }),
      policy: OPEN_POLICY,
      leaving: NEVER_LEAVING,
      contact: createContactLine(),
      limits: LIMITS_OF_RUNS,
      bootId: 'boot-1',
      agentVersion: '0.0.0-test',
      soon: setImmediate,
      gatherFacts: async () => world.facts,
      freeBytes: () => world.freeBytes,
      onLink: (state) => void living(() => links.push(state)),
      ...change,
      ...ports,
    });
  }

  const world: AgentWorld = {
    clock,
    controller,
    folder,
    log,
    links,
    started,
    store,
    journal: openIt(),
    agent: undefined as unknown as Agent,
    check: undefined,
    freeBytes: 1 << 30,
    facts: { json: Buffer.from('{}'), digest: new Uint8Array(32).fill(3) },
    async start() {
      world.agent.start();
      await clock.settle();
    },
    async crash(ports = {}) {
      alive += 1;
      controller.sessions.at(-1)?.link.swallow();
      world.journal.close();
      world.journal = openIt();
      world.agent = build(ports);
      await world.start();
    },
    order(change, signers) {
      const to = { agentId, epoch: world.journal.epoch(), boxPublicKey: keys.box.publicKey };
      return makeOrder(controller, to, { clock, random, ...(signers && { signers }) }, change);
    },
    async deliver({ deliver }) {
      controller.session().send('deliver', deliver);
      await clock.settle();
    },
    async cancel(made, key) {
      controller.session().send('cancel', makeCancel(controller, { clock, random }, made, key));
      await clock.settle();
    },
  };
  world.agent = build({});
  t.after(async () => {
    const stopped = world.agent.stop();
    await clock.advance(0);
    await stopped;
    world.journal.close();
  });
  return world;
}

const ACCOUNT = { name: 'root', uid: 0, gid: 0, home: '/', shell: '/bin/sh' };

export function memoryStore(
  controller: FakeController,
  keys: ReturnType<typeof makeAgentKeys>,
  agentId: Uint8Array,
): AgentWorld['store'] {
  let trust: Trust = pinOf(controller);
  const store = {
    identity: { fleetId: controller.fleetId, agentId, name: 'web-1', keys, urls: ['https://first.test'] },
    saved: 0,
    counter: 0,
    trust: () => trust,
    saveTrust(next: Trust) {
      trust = next;
      store.saved += 1;
    },
    nextCounter: () => ++store.counter,
  };
  return store;
}

function listLog(lines: LogLine[]): Log {
  const at = (level: string) => (fields: Record<string, unknown>, event: string) =>
    void lines.push({ level, event, fields });
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function fakeRun(
  spec: RunSpec,
  clock: VirtualClock,
  beginning: Beginning,
  resumed: Resumption | undefined,
): FakeRun {
  const listeners = new Set<() => void>();
  const { log: output } = openOutputLog({ capBytes: spec.outputCapBytes, file: memoryLog() });
  const { promise: done, resolve } = Promise.withResolvers<RunResult>();
  const { startedAtMs } = beginning;
  const run: FakeRun = {
    spec,
    beginning,
    resumed,
    output,
    causes: [],
    disposed: false,
    done,
    onOutput(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    task: 0,
    onTask() {},
    pause() {},
    resume() {},
    terminate(cause) {
      run.causes.push(cause);
      run.finish({ state: 'cancelled', reason: 'cancelled' });
    },
    async dispose() {
      run.disposed = true;
    },
    write(stream, data) {
      output.append(stream, typeof data === 'string' ? Buffer.from(data) : data);
      for (const listener of listeners) listener();
    },
    finish(result = {}) {
      const to = output.length;
      resolve({
        state: 'succeeded',
        tasks: [{ index: 0, state: 'succeeded', exitCode: 0, durationMs: 1.5, outputFrom: 0, outputTo: to }],
        output: output.summary(),
        startedAtMs,
        endedAtMs: clock.now(),
        durationMs: clock.now() - startedAtMs,
        leftover: [],
        ...result,
      });
    },
  };
  if (resumed?.restarted && resumed.resumeAt === 0)
    run.finish({ state: 'interrupted', reason: 'the machine restarted', tasks: [] });
  return run;
}

export function jobOf(made: Made): string {
  return toHex(made.order.jobId);
}

/** All output frames that came for this job, put together; fails where one does not continue the one before. */
export function outputOf(
  frames: readonly { position: number; data: Uint8Array; jobId: Uint8Array }[],
  made: Made,
) {
  const parts: Uint8Array[] = [];
  let at = -1;
  for (const frame of frames) {
    if (Buffer.compare(frame.jobId, made.order.jobId) !== 0) continue;
    if (at >= 0 && frame.position !== at) throw new Error(`position ${frame.position} after ${at}`);
    if (frame.data.length > LIMITS.outputFrameBytes) throw new Error('a frame that is too large');
    at = frame.position + frame.data.length;
    parts.push(frame.data);
  }
  return Buffer.concat(parts);
}
