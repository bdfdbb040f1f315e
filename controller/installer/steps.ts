/**
 * The steps that change a host, each with its way back. Every one looks at what is there and does what is missing, so that another run
 * goes on where one was cut.
 */
import { checkMachine } from './claims.ts';
import { enrol } from './enrol.ts';
import { HostFailure } from './failure.ts';
import type { Work } from './install.ts';
import { placed } from './placing.ts';
import { restoreconText, writeText } from './remote/files.ts';
import type { Slot } from './remote/layout.ts';
import { programsText } from './remote/programs.ts';
import { printable, toldBy } from './remote/script.ts';
import { lastWords, lastWordsText, removeText, startText } from './remote/service.ts';
import { NO_SETTINGS, PROXY_SETTING, readSettingsText, settingsWith } from './remote/settings.ts';
import { backText, keepText, managerOf, swapText } from './remote/swap.ts';
import type { HostResult, Registered } from './work.ts';

/** Of one script: whoever owns a host is not to flood the operator's screen and report. */
const MOST_NOTES = 4;

export async function carryOut(
  work: Work,
): Promise<Partial<Pick<HostResult, 'did'>> & Pick<HostResult, 'agentId' | 'name' | 'sentBytes' | 'labels'>> {
  const { plan, probe, host, step } = work;
  step('place');
  const { slot, sentBytes } = await placed(work);
  const told = await host.run('putting the programs there', programsText(slot, work.fit.node));
  const hasNewSettings = await settings(work);
  const isChanged = hasNewSettings || told.has('changed');
  for (const text of (told.get('note') ?? []).slice(0, MOST_NOTES))
    work.tell({ what: 'warning', text: printable(text) });

  const agent = await enrol(work);

  const isSwap = probe.agent.current !== undefined && slot !== probe.agent.current;
  const isAsItWas = plan.action === 'nothing' && !isSwap && !isChanged && !agent.restarts;
  if (!isAsItWas) {
    step('service');
    await serve(work, agent, isSwap ? slot : undefined);
  }

  step('online');
  await online(work, agent);
  step('ping');
  await work.ports.registrar.ping(agent, work.stop);
  if (isSwap) await host.run('ending the trial', keepText(slot));
  await label(work, agent);
  return {
    ...{ agentId: agent.id, name: agent.name, sentBytes, labels: agent.labels },
    ...(plan.action === 'nothing' && !isAsItWas ? { did: 'repaired' } : {}),
  };
}

/** Last, since nothing undoes it. */
async function label({ ports, bootId }: Work, agent: Registered & Pick<HostResult, 'labels'>): Promise<void> {
  if (Object.keys(agent.labels).length === 0) return;
  await checkMachine(ports.registrar, agent, bootId);
  await ports.registrar.label(agent, agent.labels);
}

/** Whether anything in the service's environment had to be changed. */
async function settings({ ports, fit, host, undo }: Work): Promise<boolean> {
  const { proxy } = ports.settings;
  if (proxy === undefined) return false;
  const file = fit.settingsFile;
  const answer = await host.answer(readSettingsText(file));
  if (answer.status !== NO_SETTINGS) toldBy(answer, `reading ${file}`);
  const before = answer.status === NO_SETTINGS ? undefined : answer.stdout;
  const after = settingsWith(before, { [PROXY_SETTING]: proxy });
  if (after === before) return false;
  undo.push(file, async () => {
    if (before === undefined) await host.run(`removing ${file}`, `rm -f ${file}\n`);
    else await host.run(`writing ${file}`, writeText(file, '0600'), { input: Buffer.from(before) });
  });
  await host.run(`writing ${file}`, writeText(file, '0600'), { input: Buffer.from(after) });
  return true;
}

/** Of a new version: longer than it is waited for here, so that what is decided here is decided first. */
const TRIAL_SECONDS = 120;

/** Starts the agent now and at every boot; with `slot`, in that one, from which it goes back where the rest does not succeed. */
async function serve(work: Work, agent: Registered, slot: Slot | undefined): Promise<void> {
  const { probe, fit, host, undo, ports, plan, packed } = work;
  const { manager, settingsFile } = fit;
  const { current, services } = probe.agent;
  if (fit.restorecon) await host.run('labelling the files', restoreconText());
  for (const { path } of services) {
    const other = managerOf(path);
    if (other === manager) continue;
    undo.push(`the service is not in ${path} any more`, async () => {
      await host.run('putting the service back', startText(other, settingsFile));
    });
    await host.run('removing the other service', removeText(other));
  }
  const start = async (): Promise<void> => {
    await host.run('starting the service', startText(manager, settingsFile));
  };
  if (slot !== undefined && current !== undefined) {
    const { previous } = plan;
    undo.push('the host may have the new version', async () => {
      await host.run('going back', backText(current, 'the install did not succeed'));
      await start();
      if (previous !== undefined && probe.agent.running)
        await ports.registrar.online(agent, previous, new AbortController().signal);
    });
    const swap = {
      ...{ old: current, new: slot, oldVersion: previous ?? '', newVersion: packed.build.version },
      ...{ form: packed.build.form, withinSeconds: TRIAL_SECONDS },
    };
    await host.run('changing the version', swapText(swap));
  } else if (services.every(({ path }) => managerOf(path) !== manager)) {
    undo.push('the service', async () => {
      await host.run('removing the service', removeText(manager));
    });
  }
  await start();
}

/** Throws HostFailure('not-online') with what the agent said last. */
async function online({ ports, fit, packed, host, stop }: Work, agent: Registered): Promise<void> {
  try {
    await ports.registrar.online(agent, packed.build.version, stop);
  } catch (cause) {
    if (!(cause instanceof HostFailure) || cause.because !== 'not-online') throw cause;
    const { stdout } = await host.answer(lastWordsText(fit.manager)).catch(() => ({ stdout: '' }));
    const words = [cause.detail, lastWords(stdout)].filter((part) => part !== '');
    throw new HostFailure('not-online', words.join('; '), { cause });
  }
}
