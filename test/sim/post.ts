import { DatabaseSync } from 'node:sqlite';
import { type Agent, type AgentPorts, createAgent } from '../../agent/agent.ts';
import { OPEN_POLICY } from '../../agent/bundle/policy.ts';
import { createContents } from '../../agent/contents/engine.ts';
import { createExecutor } from '../../agent/executor/executor.ts';
import type { LogFile } from '../../agent/executor/output.ts';
import { NO_STEPS } from '../../agent/executor/step.ts';
import type { IdentityStore } from '../../agent/identity/identity.ts';
import { createContactLine } from '../../agent/link/contact.ts';
import type { LinkState } from '../../agent/link/state.ts';
import type { Log } from '../../agent/log.ts';
import type { Journal, RunKey } from '../../agent/spool/journal.ts';
import { journalOver } from '../../agent/spool/sqlite.ts';
import { type AgentKeys, idOfAgent, makeAgentKeys } from '../../certs/identity.ts';
import { pinned, type Trust } from '../../certs/trust.ts';
import { MusterError } from '../../proto/errors.ts';
import { toHex } from '../../proto/ids.ts';
import { memoryCache } from '../support/memory-cache.ts';
import { memoryLog } from '../support/memory-log.ts';
import { NEVER_LEAVING } from '../support/never-leaving.ts';
import { CONTROLLER_URL, FLEET_ID, ROOT_KEY_ID } from './central.ts';
import { createDatabaseDisk, type DatabaseDisk } from './database-disk.ts';
import { type Dice, diceOf } from './dice.ts';
import { type KeptDisk, simulatedKept } from './kept.ts';
import { clockOf, createLife, Dead, type Life } from './life.ts';
import type { Machine } from './machine.ts';
import type { Network } from './network.ts';
import type { Stage } from './processes.ts';
import type { Story } from './story.ts';
import type { Weakness } from './weakness.ts';

/** An agent's place: the process that is there now, its home on the machine's disk, and the machine. */
export interface Post {
  readonly name: string;
  readonly machine: Machine;
  readonly agentId: string;
  readonly keys: AgentKeys;
  /** Of its first journal: what it joined with. */
  readonly firstEpoch: Uint8Array;
  readonly life: Life | undefined;
  readonly link: LinkState['state'];
  /** Of the agent's process, in its machine's own time; undefined while there is none. */
  readonly aliveSinceMs: number | undefined;
  /** When its last session began, true time. */
  readonly sessionMs: number;
  /** What its journal says of a run; undefined where it knows none. */
  journalled(jobId: string, attempt: number): string | undefined;
  /** The journal as it is now, to be put back later. */
  copyJournal(): DatabaseDisk;
  start(): void;
  kill(downMs: number): void;
  killAt(calls: number, downMs: number): void;
  /** Power goes; all that ran is gone, and the machine is back after `downMs` with another boot id. */
  reboot(downMs: number): void;
  /** The journal is lost, or replaced by an earlier copy of it, while the agent is down. */
  loseJournal(downMs: number, copy?: DatabaseDisk): void;
  close(): void;
}

export interface PostPorts {
  readonly machine: Machine;
  readonly network: Network;
  readonly stage: Stage;
  readonly story: Story;
  readonly dice: Dice;
  readonly weakness: Weakness | undefined;
  nowMs(): number;
  /** True time, whatever becomes of the machine. */
  later(delayMs: number, fn: () => void): void;
  /** A report's receipt is taken: everything up to it must be stored. */
  receipted(epoch: Uint8Array, seq: number): void;
  /** An order is in the journal. */
  accepted(jobId: string): void;
}

/** Making keys takes longer than a history; each host has always the same. */
const KEYS = new Map<string, AgentKeys>();

function keysOf(name: string): AgentKeys {
  const known = KEYS.get(name);
  if (known) return known;
  const keys = makeAgentKeys(diceOf(`the keys of ${name}`).bytes);
  KEYS.set(name, keys);
  return keys;
}

const READS: ReadonlySet<string> = new Set([
  'epoch',
  'chain',
  'find',
  'findByHash',
  'unfinished',
  'work',
  'reportAfter',
  'report',
  'output',
  'keepsFile',
  'isCancelled',
  'forgetFloorMs',
]);
const SPOOL = '/runs';

export function createPost(ports: PostPorts): Post {
  const { machine, network, stage, story, dice } = ports;
  const { name } = machine;
  const keys = keysOf(name);
  const agentId = idOfAgent(FLEET_ID, keys.sign.publicKey);
  const identity = { fleetId: FLEET_ID, agentId, name, keys, urls: [CONTROLLER_URL] };
  const limits = { parallel: 1 + dice.below(3), waiting: 2 + dice.below(6), reserveBytes: 1000 };
  const kept: KeptDisk = new Map();
  /** Runs' logs on the machine's disk, and how much of each is durable. */
  const logs = new Map<string, { file: ReturnType<typeof memoryLog>; syncedBytes: number }>();
  let trust: Trust = pinned(FLEET_ID, ROOT_KEY_ID);
  let counter = 0;
  /** Beside the journal, on the machine's disk. */
  let markMoves = 0;
  let journalDisk = createDatabaseDisk();
  const firstEpoch = makeJournal();
  let connection: DatabaseSync | undefined;
  let agent: Agent | undefined;
  let life: Life | undefined;
  let link: LinkState['state'] = 'idle';
  let sessionMs = 0;
  let aliveSinceMs = 0;
  let downForMs = 1_000;
  let lives = 0;

  /** As the disk does: the write did not happen. */
  function disk(): void {
    if (machine.diskFull) throw new MusterError('journal-failed', 'database or disk is full');
    if (machine.journalFails) throw new MusterError('journal-failed', 'disk I/O error');
  }

  function makeJournal(): Uint8Array {
    const newEpoch = (): Uint8Array => ports.weakness?.epoch?.(name) ?? dice.bytes(16);
    const made = journalOver(new DatabaseSync(journalDisk.uri, { timeout: 0 }), newEpoch);
    const epoch = made.epoch();
    made.close();
    return epoch;
  }

  function openJournal(own: Life, random: Dice): Journal {
    connection = new DatabaseSync(journalDisk.uri, { timeout: 0 });
    const mark = {
      last: () => markMoves,
      note(moves: number) {
        markMoves = moves;
      },
      onOlder: () => story.tell(name, 'finds its journal older than its mark'),
    };
    const newEpoch = (): Uint8Array => ports.weakness?.epoch?.(name) ?? random.bytes(16);
    const real = journalOver(connection, newEpoch, ports.weakness?.hasNoMark ? undefined : mark);
    const guarded = Object.entries(real).map(([method, fn]) => [
      method,
      (...given: unknown[]) => {
        if (method === 'close') return fn();
        if (READS.has(method)) {
          own.pass(`a read of the journal (${method})`);
          return fn(...given);
        }
        return own.call(`the journal's ${method}`, () => {
          disk();
          const result = fn(...given);
          if (method === 'receipt') ports.receipted(real.epoch(), given[0] as number);
          if (method === 'accept') ports.accepted((given[0] as RunKey).jobId);
          return result;
        });
      },
    ]);
    return Object.fromEntries(guarded) as Journal;
  }

  function storeOf(own: Life): IdentityStore {
    return {
      identity,
      trust: () => trust,
      saveTrust: (next) =>
        own.call('saving the trust document', () => {
          disk();
          trust = next;
        }),
      // Written in its place, so that a full disk takes it.
      nextCounter: () => own.call('the session counter', () => ++counter),
    };
  }

  function logFile(own: Life, path: string, isNew: boolean): LogFile {
    let known = isNew ? undefined : logs.get(path);
    return {
      get size() {
        return known?.file.size ?? 0;
      },
      write(at, parts) {
        own.call('writing of a log', () => {
          if (machine.diskFull) throw new Error('ENOSPC: no space left on device');
          if (!known && logs.has(path)) throw new Error('EEXIST');
          known ??= { file: memoryLog(), syncedBytes: 0 };
          logs.set(path, known);
          known.file.write(at, parts);
        });
      },
      read: (at, length) => known?.file.read(at, length) ?? new Uint8Array(0),
      truncate: (length) => known?.file.truncate(length),
      sync() {
        own.call('syncing of a log', () => {
          if (known) known.syncedBytes = known.file.size;
        });
      },
      close() {},
      remove() {
        own.pass('removal of a log');
        logs.delete(path);
      },
    };
  }

  /** Of what was not synced, some of the front may have reached the disk. */
  function tearLogs(): void {
    for (const { file, syncedBytes } of logs.values())
      file.truncate(syncedBytes + dice.below(1 + Math.max(0, file.size - syncedBytes)));
  }

  function portsOf(own: Life, random: Dice): AgentPorts {
    const clock = clockOf(own, machine.times);
    const { weakness } = ports;
    const processes = stage.processes(own);
    const contact = createContactLine();
    const executor = createExecutor({
      clock,
      spoolDir: SPOOL,
      processes: weakness?.processes?.(processes) ?? processes,
      table: weakness?.table?.(machine.table) ?? machine.table,
      programs: { find: (program) => ({ path: program }), isDirectory: () => true, isOpenToAll: () => true },
      accounts: { self: () => ROOT, find: async () => undefined },
      openLog: (path, isNew) => logFile(own, path, isNew),
      folders: {
        hasBegun({ jobId, attempt }) {
          own.pass('a look for folders');
          const base = `${SPOOL}/${jobId}-${attempt}`;
          return stage.has(`${base}-`) || logs.has(`${base}.log`);
        },
        sweep() {},
      },
      spared: [],
      steps: NO_STEPS,
      contact: contact.reached,
    });
    const log = logOf(own, story, name);
    return {
      clock,
      random: random.bytes,
      log,
      dial: network.dialFrom(name, own),
      store: storeOf(own),
      journal: openJournal(own, random),
      kept: simulatedKept(own, kept, dice, () => machine.diskFull),
      executor,
      contents: createContents({
        clock,
        log,
        disk: memoryCache(clock.now),
        limits: { quotaBytes: 1 << 30, reserveBytes: 1000 },
      }),
      policy: OPEN_POLICY,
      leaving: NEVER_LEAVING,
      contact,
      limits,
      urls: [],
      bootId: machine.bootId,
      agentVersion: '0.0.0-simulated',
      soon: (fn) => void own.after(random.between(0, 0.3), fn),
      gatherFacts: async () => ({ json: Buffer.from('{}'), digest: new Uint8Array(32).fill(7) }),
      freeBytes: () => (machine.diskFull ? 0 : 1 << 30),
      onLink(state) {
        if (!own.alive || link === state.state) return;
        link = state.state;
        if (link === 'online') sessionMs = ports.nowMs();
        if (link === 'online') story.tell(name, 'is online');
        if (state.state === 'waiting') story.tell(name, `has no session: ${state.end.reason}`);
      },
    };
  }

  function start(): void {
    if (life?.alive || !machine.on) return;
    lives += 1;
    aliveSinceMs = machine.times.monotonicMs();
    const own = createLife(machine.after, (port) => {
      story.tell(name, `its agent dies (${port}); it will be back in ${Math.round(downForMs)} ms`);
      over('process');
    });
    life = own;
    try {
      const given = portsOf(own, dice.fork(`life ${lives}`));
      agent = createAgent(ports.weakness?.agent?.(given) ?? given);
      agent.start();
      if (own.alive) story.tell(name, 'its agent starts');
    } catch (cause) {
      if (cause instanceof Dead) return;
      story.tell(name, `its agent does not start: ${cause instanceof Error ? cause.message : String(cause)}`);
      downForMs = 5_000;
      own.kill('in its start');
    }
  }

  function over(how: 'process' | 'power'): void {
    if (life) network.died(life, how);
    link = 'idle';
    // The kernel drops its lock with the process. Later: it may be in the middle of a statement now.
    const closing = connection;
    connection = undefined;
    if (closing?.isOpen) closing.close();
    if (how === 'process') machine.after(downForMs, start);
  }

  return {
    name,
    machine,
    agentId: toHex(agentId),
    keys,
    firstEpoch,
    get life() {
      return life;
    },
    get link() {
      return link;
    },
    get aliveSinceMs() {
      return life?.alive ? aliveSinceMs : undefined;
    },
    get sessionMs() {
      return sessionMs;
    },
    journalled(jobId, attempt) {
      // While an agent has it open, nobody else gets in.
      const row = (connection ?? journalDisk.eye)
        .prepare('select state from runs where job_id = ? and attempt = ?')
        .get(jobId, attempt);
      return row && String(row.state);
    },
    copyJournal: () => createDatabaseDisk(connection ?? journalDisk.eye),
    start,
    kill(downMs) {
      downForMs = downMs;
      life?.kill('kill -9');
    },
    killAt(calls, downMs) {
      downForMs = downMs;
      life?.arm(calls);
    },
    reboot(downMs) {
      if (!machine.on) return;
      story.tell(name, `loses power; it boots again in ${Math.round(downMs)} ms`);
      if (life) network.died(life, 'power');
      life?.kill('power');
      machine.powerOff();
      tearLogs();
      ports.later(downMs, () => {
        machine.powerOn();
        network.wake(name);
        story.tell(name, 'has booted');
        start();
      });
    },
    loseJournal(downMs, copy) {
      downForMs = downMs;
      if (life?.alive) life.kill('stopped, while its journal is replaced');
      journalDisk.close();
      journalDisk = copy ?? createDatabaseDisk();
      if (!copy) kept.clear();
      story.tell(name, copy ? 'an earlier copy of its journal was put back' : 'its journal is lost');
    },
    close() {
      if (connection?.isOpen) connection.close();
      journalDisk.close();
    },
  };
}

const ROOT = { name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/sh' };

function logOf(life: Life, story: Story, name: string): Log {
  const at = (level: string) => (fields: Record<string, unknown>, event: string) => {
    if (!life.alive) return;
    const said = Object.entries(fields).map(([field, value]) => `${field} ${String(value)}`);
    story.tell(name, `${level}: ${event}${said.length > 0 ? ` (${said.join(', ')})` : ''}`);
  };
  const none = (): void => {};
  return { debug: none, info: none, warn: at('warns'), error: at('error') };
}
