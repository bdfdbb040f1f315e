import { openRelease, type ReleaseContent } from '../../certs/release.ts';
import type { Message } from '../../proto/codec.ts';
import { MusterError } from '../../proto/errors.ts';
import { MIB } from '../../proto/limits.ts';
import type { Slot, Trial } from '../../proto/slots.ts';
import { journalCommand, lastWordsOf } from './last-words.ts';
import { planUpgrade } from './plan.ts';
import type { FoundTrial, UpgradePorts, UpgradeResult, UpgradeRun } from './ports.ts';

export interface Upgrades {
  /** Before anything else of this agent: puts away what one before it began and did not get to. */
  begin(): void;
  /** A session is up: a new version has proved itself. */
  online(): void;
  /**
   * The task, or what is left of it for this agent: its trial ends this process and is told by the next. Rejects with MusterError
   * and with what the disk says; nothing has changed then.
   */
  carryOut(task: Message<'UpgradeTask'>, run: UpgradeRun): Promise<UpgradeResult>;
}

/** What a release is unpacked beside, so that nothing else on that disk starves. */
const ROOM_BYTES = 16 * MIB;
/** As the installer calls it. */
const SERVICE = 'muster-agent.service';

/**
 * Replaces this agent by another version, in the other slot. Between the swap and the outcome everything is the launcher's to see through
 * (controller/installer/remote/launcher.ts), whatever becomes of this process or of the new one.
 */
export function createUpgrades(ports: UpgradePorts): Upgrades {
  const { folder, log, slot: own } = ports;
  const other: Slot = own === 'a' ? 'b' : 'a';
  const kept = Promise.withResolvers<void>();
  /** Settled when no upgrade is under way. */
  let last: Promise<unknown> = Promise.resolve();
  /** Nothing may change any more in what the next process finds. */
  let isReplaced = false;

  function begin(): void {
    try {
      const trial = folder.trial();
      if (!trial || trial.outcome || trial.old !== own || folder.current() !== own) return;
      // Its task, if it is still wanted, begins again.
      log.info({ order: trial.order }, 'a trial that was not begun is put away');
      folder.discardTrial();
    } catch (cause) {
      // No reason not to work; the launcher leaves it alone as well.
      log.error({ cause: String(cause) }, 'a trial that was not begun could not be put away');
    }
  }

  function online(): void {
    try {
      const trial = folder.trial();
      if (trial?.new === own) {
        if (!folder.decideKept()) {
          log.error({ version: trial.newVersion }, 'online, but too late: the version before goes on');
          return ports.restart();
        }
        log.info({ version: trial.newVersion, before: trial.oldVersion }, 'the new version stays');
      }
      kept.resolve();
    } catch (cause) {
      // The trial goes on, and the next session tries again.
      log.error({ cause: String(cause) }, 'not written down that the new version stays');
    }
  }

  /** One at a time: there is one other slot. */
  async function carryOut(task: Message<'UpgradeTask'>, run: UpgradeRun): Promise<UpgradeResult> {
    const before = last;
    const mine = Promise.withResolvers<void>();
    last = Promise.all([before, mine.promise]);
    try {
      await Promise.race([before, ended(run)]);
      return isReplaced ? await ended(run) : await carryOutAlone(task, run);
    } finally {
      mine.resolve();
    }
  }

  async function carryOutAlone(task: Message<'UpgradeTask'>, run: UpgradeRun): Promise<UpgradeResult> {
    const order = `${run.jobId}-${run.attempt}`;
    const known = [folder.trial(), folder.lastTrial()].find((trial) => trial?.order === order);
    if (known) return tell(known, run);
    const why = await trialOfAnother(run);
    if (why !== undefined) return { state: 'failed', reason: why };
    const release = openRelease(ports.trust(), task, ports.clock.now());
    const minimum = ports.trust().document?.minimumAgentVersion ?? '';
    const plan = planUpgrade(release, ports.running, minimum);
    if (plan.is === 'refused') return { state: 'failed', reason: plan.why };
    const { build, index } = plan;
    const steps = `${ports.running.version} → ${release.agentVersion}`;
    if (await folder.has(own, build, run.signal))
      return { state: 'succeeded', change: 'unchanged', reason: release.agentVersion };
    run.say(steps);
    if (run.check) return { state: 'succeeded', change: 'would-change', reason: steps };
    const content = task.contents[index];
    if (!content || task.contents.length !== release.builds.length)
      throw new MusterError('bad-task', 'it does not name the content of each build');
    await place(release, build, content, run);
    await tryOut(release, run);
    await swap({
      ...{ order, old: own, new: other, withinSeconds: task.onlineWithinMs / 1000 },
      ...{ oldVersion: ports.running.version, newVersion: release.agentVersion },
      signal: run.signal,
    });
    log.info({ version: release.agentVersion, before: ports.running.version }, 'restarts as a new version');
    return replaced(run);
  }

  function replaced(run: UpgradeRun): Promise<never> {
    isReplaced = true;
    ports.restart();
    return ended(run);
  }

  /** The version before lies in the other slot until this one is known to stay. Says why nothing can be put there at all. */
  async function trialOfAnother(run: UpgradeRun): Promise<string | undefined> {
    const trial = folder.trial();
    if (!trial) return undefined;
    if (trial.new !== own) return `version ${trial.newVersion} is being tried out here`;
    await Promise.race([kept.promise, ended(run)]);
    return undefined;
  }

  /** Where it throws, this version goes on. */
  async function swap({
    signal,
    ...trial
  }: Omit<Trial, 'boot' | 'uptime'> & { signal: AbortSignal }): Promise<void> {
    const goOn = await ports.alone(signal);
    try {
      signal.throwIfAborted();
      folder.beginTrial({ ...trial, boot: ports.bootId, uptime: ports.clock.uptimeMs() / 1000 });
      folder.pointTo(trial.new);
    } catch (cause) {
      // What points there is on trial, whatever was not written after that.
      if (folder.current() === trial.new) return;
      goOn();
      if (folder.trial()?.order === trial.order) folder.discardTrial();
      throw cause;
    }
  }

  async function place(
    release: ReleaseContent,
    build: ReleaseContent['builds'][number],
    content: Message<'Content'>,
    run: UpgradeRun,
  ): Promise<void> {
    if (!(await folder.has(other, build, run.signal))) {
      if (folder.freeBytes() - build.length < ROOM_BYTES)
        throw new MusterError(
          'disk-reserve',
          `the new version needs ${build.length} bytes where the agent is installed`,
        );
      const fetched = await ports.fetch(content, run);
      try {
        await folder.unpack(other, build, fetched.path, run.signal);
      } finally {
        fetched.release();
      }
    }
    folder.finish(other, build, release.agentVersion, own);
  }

  /** What does not even start here, or is not what its release says, is found while nothing depends on it. */
  async function tryOut(release: ReleaseContent, run: UpgradeRun): Promise<void> {
    const { stdout, stderr, exitCode } = await run.command('try', [...folder.argvOf(other), '--version']);
    if (exitCode === 0 && stdout.trim() === release.agentVersion) return;
    const how =
      exitCode === 0
        ? `says that it is version ${lastLine(stdout)}`
        : `does not start here: ${lastLine(stderr) || `exit status ${exitCode}`}`;
    throw new MusterError('bad-release', `${release.agentVersion} ${how}`);
  }

  async function tell(trial: FoundTrial, run: UpgradeRun): Promise<UpgradeResult> {
    const steps = `${trial.oldVersion} → ${trial.newVersion}`;
    const { outcome } = trial;
    if (outcome?.result === 'back') {
      const why = outcome.why || 'did not come online';
      const words = await wordsOf(trial, run);
      const told = words === '' ? why : `${why} (${words})`;
      return { state: 'failed', reason: `went back to ${trial.oldVersion}: ${trial.newVersion} ${told}` };
    }
    if (!outcome && trial.new !== own) {
      // Its swap was not seen: whatever starts next goes on with it.
      folder.pointTo(trial.new);
      return replaced(run);
    }
    if (!outcome) await Promise.race([kept.promise, ended(run)]);
    run.signal.throwIfAborted();
    return { state: 'succeeded', change: 'changed', reason: steps };
  }

  /** What it said last, where the machine remembers that. */
  async function wordsOf({ starts }: FoundTrial, run: UpgradeRun): Promise<string> {
    const last = starts.at(-1);
    if (last === undefined) return '';
    const { stdout } = await run.command('words', journalCommand(SERVICE));
    return lastWordsOf(last.pid, stdout);
  }

  return { begin, online, carryOut };
}

/** This process ends, and with it whoever waits. */
async function ended({ signal }: UpgradeRun): Promise<never> {
  await new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', resolve, { once: true });
  });
  throw signal.reason;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.slice(0, 200) ?? '';
}
