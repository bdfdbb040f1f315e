import type { Packed } from './build.ts';
import { checkName, missing } from './claims.ts';
import { HostFailure } from './failure.ts';
import type { HostEntry } from './host.ts';
import { type Fit, fitOf, type Plan, planFor } from './plan.ts';
import { IDENTITY_TEXT, readIdentity } from './remote/identity.ts';
import { lockText, unlockText } from './remote/lock.ts';
import { probeText } from './remote/probe.ts';
import { type Probe, parseProbe } from './remote/probe-answer.ts';
import { type Told, toldBy } from './remote/script.ts';
import { endTrialText } from './remote/swap.ts';
import { sentencesOf } from './sentences.ts';
import type { Answer, Connection, RemoteShell, RunOptions } from './shell.ts';
import { unless } from './ssh/unless.ts';
import { carryOut } from './steps.ts';
import { type UndoStack, undoStack } from './undo.ts';
import type { HostResult, HostWork, InstallPorts, Step } from './work.ts';

/** What one run on one host knows once it has been decided what to do. */
export interface Work {
  readonly entry: HostEntry;
  readonly ports: InstallPorts;
  readonly host: Host;
  readonly probe: Probe;
  readonly fit: Fit;
  readonly plan: Plan;
  readonly packed: Packed;
  /** Of its kernel, as it says; undefined: it does not say. */
  readonly bootId: string | undefined;
  readonly undo: UndoStack;
  readonly stop: AbortSignal;
  readonly tell: HostWork['tell'];
  /** Begins the next step, unless everything is to stop. */
  step(name: Step): void;
}

/** Its root shell, in the way in which all steps use it. */
export interface Host {
  /** Throws HostFailure with `doing` for what no script named. */
  run(doing: string, script: string, options?: RunOptions): Promise<Told>;
  answer(script: string, options?: RunOptions): Promise<Answer>;
  /** Aborted when the connection is gone. */
  readonly gone: AbortSignal;
}

/**
 * Brings the agent onto one host, or the one that is there up to date, and sees it online. What fails, or is stopped, is undone as
 * far as this run did it; what stays is told as a warning. Throws HostFailure.
 */
export async function installHost(
  entry: HostEntry,
  ports: InstallPorts,
  work: HostWork,
): Promise<HostResult> {
  const undo = undoStack();
  let connection: Connection | undefined;
  const step = (name: Step): void => {
    if (work.stop.aborted) throw new HostFailure('stopped');
    work.tell({ what: 'step', step: name });
  };
  try {
    step('connect');
    connection = await ports.connect(entry, work.stop);
    const host = hostOf(await connection.rootShell(), connection.gone);
    return await onHost(entry, ports, work, { undo, step, host, fingerprint: connection.fingerprint });
  } catch (cause) {
    work.tell({ what: 'step', step: 'undo' });
    for (const left of await undo.unwind()) work.tell({ what: 'warning', text: `left as it is: ${left}` });
    throw work.stop.aborted ? new HostFailure('stopped', '', { cause }) : cause;
  } finally {
    await connection?.close();
  }
}

async function onHost(
  entry: HostEntry,
  ports: InstallPorts,
  work: HostWork,
  { undo, step, host, fingerprint }: Pick<Work, 'undo' | 'step' | 'host'> & { fingerprint: string },
): Promise<HostResult> {
  const { settings, trust } = ports;
  const bootId = await claimMachine(host, work);
  if (!settings.check) {
    step('lock');
    await host.run('taking the lock', lockText(), { input: Buffer.from(`${ports.by}\n`) });
    // It ends with the root shell at the latest: there is nothing to tell of one that could not be let go.
    undo.push('the lock', async () => void (await host.run('letting go', unlockText()).catch(() => {})));
  }

  step('probe');
  let { probe, hereSeconds } = await look(host, ports);
  // Whoever holds the lock is the only install here, and an agent that does not run tries nothing out.
  const { trial, running } = probe.agent;
  if (!settings.check && trial !== undefined && (trial === 'install' || !running)) {
    await host.run('ending a trial that nobody goes on with', endTrialText());
    ({ probe, hereSeconds } = await look(host, ports));
  }
  const wish = {
    ...{ name: entry.name, service: settings.service },
    ...{ fleetId: trust.fleetId, urls: trust.urls },
  };
  const fit = fitOf(probe, wish, Math.round(hereSeconds));
  for (const text of fit.notes) work.tell({ what: 'warning', text });
  await checkName(ports, entry, probe, fit.name);
  // The first host of its kind waits for what is made for all of them.
  const packed = await unless(work.stop, ports.builds.packed(fit.form, fit.arch, fit.packings));
  const plan = planFor(probe, fit, packed.build);

  const result = {
    did: DID[plan.action],
    ...{ name: fit.name, version: packed.build.version, previous: plan.previous },
    ...{ form: fit.form, fingerprint, machine: inWords(probe) },
  };
  if (settings.check) {
    const { home } = probe;
    const known = home && { id: home.agent, name: home.name };
    const has = known && (await ports.registrar.labelsOf(known));
    const labels = has ? missing(entry.labels, has) : {};
    const sentences = sentencesOf(probe, fit, plan, packed, labels);
    return { ...result, agentId: known?.id, sentBytes: 0, labels, plan: sentences };
  }
  const { stop, tell } = work;
  const done = await carryOut({
    ...{ entry, ports, host, probe, fit, plan, packed, bootId, undo, step, stop, tell },
  });
  await host.run('letting go', unlockText()).catch(() => {});
  return { ...result, ...done, plan: [] };
}

/**
 * Before anything else, so that two names of one machine are told as that, and not as two who keep each other out. Resolves to its
 * boot id, where it says one.
 */
export async function claimMachine(host: Host, work: HostWork): Promise<string | undefined> {
  const machine = readIdentity((await host.answer(IDENTITY_TEXT)).stdout);
  const other = machine === undefined ? undefined : work.claim(machine);
  if (other !== undefined) throw new HostFailure('same-machine', other);
  return machine?.split(' ')[0];
}

async function look(host: Host, { settings, trust, clock }: InstallPorts) {
  const before = clock.now();
  const answer = await host.answer(probeText(trust.urls), {
    input: Buffer.from(`${settings.proxy ?? ''}\n`),
  });
  const hereSeconds = (before + clock.now()) / 2_000;
  toldBy({ ...answer, stdout: '' }, 'looking at the host');
  return { probe: parseProbe(answer.stdout, trust.urls.length), hereSeconds };
}

const DID = {
  install: 'installed',
  upgrade: 'upgraded',
  repair: 'repaired',
  nothing: 'unchanged',
} as const satisfies Record<Plan['action'], HostResult['did']>;

/** Longest that a script may say nothing: unpacking, and a service that is long in stopping. */
const SILENCE_MS = 90_000;

export function hostOf(shell: RemoteShell, gone: AbortSignal): Host {
  const answer = (script: string, options: RunOptions = {}): Promise<Answer> =>
    shell.run(script, { silenceMs: SILENCE_MS, ...options });
  return {
    gone,
    answer,
    run: async (doing, script, options) => toldBy(await answer(script, options), doing),
  };
}

export function inWords({ os, kernel, arch, glibc, musl, init, hostname }: Probe): HostResult['machine'] {
  const libc = glibc ? `glibc ${glibc.join('.')}` : musl ? 'musl' : 'unknown';
  return { os: os.name, kernel, arch, libc, init, hostname };
}
