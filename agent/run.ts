/** The composition root: everything of the world that an agent uses is made here, and nowhere else. */
import { existsSync, statfsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { MusterError } from '../proto/errors.ts';
import { shortHash } from '../proto/frame.ts';
import { toHex } from '../proto/ids.ts';
import { LIMITS } from '../proto/limits.ts';
import { systemClock, systemRandom } from '../proto/system.ts';
import { MUSTER_VERSION } from '../proto/version.ts';
import { type Agent, createAgent } from './agent.ts';
import { OPEN_POLICY, type Policy, parsePolicy, readProblem, writeProblem } from './bundle/policy.ts';
import type { Config } from './config.ts';
import { cacheFolder } from './contents/disk.ts';
import { createContents } from './contents/engine.ts';
import { type Cgroups, findCgroups } from './executor/cgroup.ts';
import type { Executor } from './executor/executor.ts';
import { createLocalExecutor } from './executor/local.ts';
import type { StepContext } from './executor/step.ts';
import { askedHost } from './executor/tasks/asked-host.ts';
import { createLocalSteps } from './executor/tasks/local.ts';
import { createTurns } from './executor/tasks/turns.ts';
import { digestJson, factsJson } from './facts/facts.ts';
import { gatherFacts } from './facts/gather.ts';
import { systemSource } from './facts/system.ts';
import type { Gathered } from './facts-feed.ts';
import { identityStore, readIdentity, readTrust } from './identity/file-store.ts';
import { type Home, homeAt, makeHome, readText } from './identity/home.ts';
import { leavingFile } from './identity/leaving-file.ts';
import { type AgentStatus, removeStatus, startTicksOf, writeStatus } from './identity/status-file.ts';
import { createLeaving } from './leaving/engine.ts';
import { INSTALLED } from './leaving/installed.ts';
import { hasSystemd, installationOf } from './leaving/local.ts';
import { startRemoval } from './leaving/removal.ts';
import { untilRemoved } from './leaving/until-removed.ts';
import { createContactLine } from './link/contact.ts';
import { viaOf } from './link/proxy.ts';
import type { LinkState } from './link/state.ts';
import { dialVia } from './link/transport.ts';
import type { Log } from './log.ts';
import { createPackages } from './packages/engine.ts';
import { whyReboot } from './packages/reboot-needed.ts';
import { lockHolder, machineFiles, packagesFolder } from './packages/system.ts';
import type { Journal } from './spool/journal.ts';
import { keptFiles } from './spool/kept-files.ts';
import { openJournal } from './spool/open-journal.ts';
import { createUpgrades } from './upgrade/engine.ts';
import type { Installed } from './upgrade/installed.ts';
import type { Running } from './upgrade/plan.ts';
import type { UpgradeRun } from './upgrade/ports.ts';
import { programFolder } from './upgrade/program-folder.ts';

export interface RunningAgent {
  /** Closes the link and lets go of what runs, which lives on. */
  stop(): Promise<void>;
  /** Resolves when this agent was removed from its host and nothing is left for it to do. */
  readonly removed: Promise<void>;
  /** Resolves when it is to be stopped and started again, as another version. */
  readonly replaced: Promise<void>;
}

/** Starts the agent of this home. Throws MusterError: not-joined, home-busy, journal-failed, bad-request. */
export async function runAgent(
  config: Config,
  log: Log,
  installed: Installed | undefined,
): Promise<RunningAgent> {
  const home = homeAt(isAbsolute(config.home) ? config.home : resolve(config.home));
  const leavingMark = leavingFile(home.leaving);
  const installation = installationOf(home.folder);
  const left = leavingMark.read();
  // A removal was cut off: there may be no identity any more.
  if (installation.isBeingRemoved || (left?.released && installation.problem === undefined))
    return removing(home, log, { keepPolicy: left?.keepPolicy ?? false });
  const identity = readIdentity(home);
  if (!identity) throw new MusterError('not-joined', `home ${home.folder}`);
  makeHome(home);
  const policy = readPolicy(home);
  const via = viaOf(config, readText);
  const journal = openHomeJournal(home, log);
  const undo: (() => unknown)[] = [() => journal.close()];
  try {
    const store = identityStore(home, identity, readTrust(home, identity.fleetId));
    const mark = toHex(identity.agentId).slice(0, 8);
    const released = Promise.withResolvers<{ readonly keepPolicy: boolean }>();
    const leaving = createLeaving({
      ...{ log, journal, mark: leavingMark, problem: () => installation.problem },
      remove: released.resolve,
    });
    const contents = createContents({
      clock: systemClock,
      log,
      disk: cacheFolder(home.cache, () => freeBytes(home.folder)),
      limits: { quotaBytes: config.cacheBytes, reserveBytes: config.reserveBytes },
    });
    const replaced = Promise.withResolvers<void>();
    const turns = createTurns();
    const bootId = readText('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
    const running = installed && runningIn(installed);
    const upgrades =
      installed &&
      running &&
      createUpgrades({
        ...{ clock: systemClock, log, bootId, slot: installed.slot, running },
        ...{ folder: programFolder(installed.folder), trust: store.trust, fetch: contents.fetch },
        ...{ restart: replaced.resolve, alone: turns.alone },
      });
    upgrades?.begin();
    const packages = createPackages(
      { clock: systemClock, files: machineFiles, lockHolder },
      packagesFolder(home.packages),
    );
    const steps = createLocalSteps({
      packages: packages.carryOut,
      ...{ clock: systemClock, mark, contents, turns, leave: leaving.decide },
      upgrade: upgrades && ((task, context) => upgrades.carryOut(task, upgradeRun(context))),
      ...pathChecks(policy),
      whyReboot: wantsReboot,
    });
    const cgroups = findCgroups(mark);
    const contact = createContactLine();
    const { executor, pool } = createLocalExecutor({
      cgroups,
      clock: systemClock,
      spoolDir: home.runs,
      steps,
      contact: contact.reached,
      room: { freeBytes: () => freeBytes(home.folder), reserveBytes: config.reserveBytes },
    });
    undo.push(executor.stop, pool.stop);
    await pool.start();
    const writeLink = statusWriter(home, log);
    // One for the process: it remembers file systems that hang.
    const source = systemSource();
    const agent = createAgent({
      clock: systemClock,
      random: systemRandom,
      log,
      dial: dialVia(via),
      soon: setImmediate,
      store,
      journal,
      kept: keptFiles(home.spool, () => new Promise(setImmediate)),
      executor,
      contents,
      contact,
      policy,
      leaving,
      urls: config.url === '' ? [] : [config.url],
      limits: {
        parallel: config.parallelRuns,
        waiting: config.waitingRuns,
        reserveBytes: config.reserveBytes,
      },
      bootId,
      agentVersion: MUSTER_VERSION,
      gatherFacts: () => gather(source, cgroups, running),
      freeBytes: () => freeBytes(home.folder),
      onLink(link) {
        writeLink(link);
        if (link.state === 'online') upgrades?.online();
      },
    });
    const proxy = via && { proxy: `${via.host}:${via.port}` };
    log.info({ agent: identity.name, version: MUSTER_VERSION, home: home.folder, ...proxy }, 'agent started');
    agent.start();
    sweep(executor, journal, log);
    const life = untilRemoved(
      () => stop(agent, executor, pool, journal, home),
      released.promise,
      (options) => removing(home, log, options),
    );
    return { ...life, replaced: replaced.promise };
  } catch (cause) {
    for (const step of undo.reverse()) await step();
    throw cause;
  }
}

/** What is left of an agent whose removal has begun: no link, no journal. */
function removing(home: Home, log: Log, { keepPolicy }: { readonly keepPolicy: boolean }): RunningAgent {
  const { promise: removed, resolve: onDone } = Promise.withResolvers<void>();
  statusTo(home, log)({ state: 'removing' });
  const letGo = startRemoval({
    ...{ clock: systemClock, log, keepPolicy, onDone },
    ...{ uninstaller: INSTALLED.uninstaller, hasSystemd: hasSystemd() },
  });
  return { stop: async () => letGo(), removed, replaced: new Promise(() => {}) };
}

function runningIn({ folder, slot }: Installed): Running {
  return { version: MUSTER_VERSION, form: programFolder(folder).formIn(slot), arch: process.arch };
}

/** Of what a command of an upgrade writes. */
const SAID_CHARS = 50_000;

function upgradeRun({ spec, signal, write, command }: StepContext): UpgradeRun {
  const { jobId, attempt, check } = spec;
  return {
    ...{ jobId, attempt, check, signal },
    say: (line) => write('stdout', Buffer.from(`${line}\n`)),
    async command(part, argv) {
      const said = { stdout: '', stderr: '' };
      const end = await command(part, {
        argv,
        take(stream, data) {
          said[stream] = (said[stream] + Buffer.from(data)).slice(-SAID_CHARS);
        },
      });
      const reason = 'reason' in end ? (end.reason ?? '') : '';
      return {
        stdout: said.stdout,
        stderr: `${said.stderr}\n${reason}`.trim(),
        exitCode: end.kind === 'exited' ? end.exitCode : undefined,
      };
    },
  };
}

/** What cannot be removed now, with no descriptors left for instance, keeps nobody from work: the next start removes it. */
function sweep(executor: Executor, journal: Journal, log: Log): void {
  try {
    executor.sweep(({ jobId, attempt }) => {
      const row = journal.find(jobId);
      return row !== undefined && row.attempt === attempt && row.state !== 'over';
    });
  } catch (cause) {
    log.warn({ cause: String(cause) }, 'what an earlier agent left was not removed');
  }
}

async function stop(
  agent: Agent,
  executor: { stop(): void },
  pool: { stop(): Promise<void> },
  journal: Journal,
  home: Home,
): Promise<void> {
  await agent.stop();
  executor.stop();
  await pool.stop();
  journal.close();
  removeStatus(home.status);
}

/** The journal of this home; while it is open, no other agent works on it. */
export function openHomeJournal(home: Home, log: Pick<Log, 'error' | 'info'>): Journal {
  const isNew = !existsSync(home.journal);
  const journal = openJournal({
    file: home.journal,
    newEpoch: () => systemRandom(LIMITS.keyIdBytes),
    now: systemClock.now,
    onCorrupt: (cause, movedTo) =>
      log.error(
        { cause: cause.message, movedTo },
        'the journal is damaged; a new one begins a new epoch, and orders of the old one are refused',
      ),
    onOlder: () =>
      log.error(
        { file: home.journal },
        'the journal is older than what was done by it (it was put back, or its disk lost writes); a new epoch begins',
      ),
  });
  if (isNew) log.info({ file: home.journal }, 'journal made');
  return journal;
}

/** Whose records of what was installed are here; where a machine has several, its distribution's flags come first anyway. */
const RECORDS = {
  apt: '/var/lib/dpkg/status',
  apk: '/lib/apk/db/installed',
  zypper: '/usr/bin/zypper',
  dnf: '/usr/bin/rpm',
} as const;

function wantsReboot(context: StepContext): Promise<string | undefined> {
  const manager = (['apt', 'apk', 'zypper', 'dnf'] as const).find((name) => existsSync(RECORDS[name]));
  return whyReboot(askedHost(context), manager);
}

/** The policy's rules for paths, for where they are carried out. */
function pathChecks(policy: Policy) {
  const deny = (why: string | undefined) => {
    if (why !== undefined) throw new MusterError('policy-denied', why);
  };
  return {
    checkWrite: (path: string) => deny(writeProblem(policy, path)),
    checkRead: (path: string) => deny(readProblem(policy, path)),
  };
}

function readPolicy(home: Home): Policy {
  const text = readText(home.policy);
  if (text === undefined) return OPEN_POLICY;
  try {
    return parsePolicy(text);
  } catch (cause) {
    throw new MusterError('bad-request', `${home.policy}: ${(cause as Error).message}`);
  }
}

async function gather(
  source: ReturnType<typeof systemSource>,
  cgroups: Cgroups | undefined,
  running: Running | undefined,
): Promise<Gathered> {
  const facts = await gatherFacts(source, {
    clock: systemClock,
    agentVersion: MUSTER_VERSION,
    containment: cgroups?.kind ?? 'process-tree',
    agent: { form: running?.form ?? 'other', arch: process.arch },
  });
  return {
    json: Buffer.from(factsJson(facts)),
    digest: shortHash('facts', Buffer.from(digestJson(facts))),
  };
}

/** No answer is taken for room enough: the journal itself will say. */
function freeBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function statusWriter(home: Home, log: Log): (link: LinkState) => void {
  const write = statusTo(home, log);
  return (link) => {
    if (link.state === 'online') write({ state: 'connected', url: link.url });
    if (link.state === 'waiting') write({ state: 'waiting', reason: link.end.reason });
    if (link.state === 'dialling' && link.round === 0) write({ state: 'connecting', url: link.url });
  };
}

function statusTo(home: Home, log: Log): (status: Pick<AgentStatus, 'state' | 'url' | 'reason'>) => void {
  const startTicks = startTicksOf(process.pid) ?? '';
  return (status) => {
    try {
      writeStatus(home.status, { pid: process.pid, startTicks, sinceMs: systemClock.now(), ...status });
    } catch (cause) {
      log.debug({ cause: String(cause) }, 'status not written');
    }
  };
}
