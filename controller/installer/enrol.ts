import { mayReplace, missing } from './claims.ts';
import { HostFailure } from './failure.ts';
import type { Work } from './install.ts';
import { removeHomeText } from './remote/files.ts';
import { initText, leaveText, type PublicIdentity, readPublicIdentity, trustText } from './remote/init.ts';
import { startText, stopText } from './remote/service.ts';
import type { HostResult, Registered } from './work.ts';

/**
 * Makes the host an agent of the fleet: its keys, made there, and their registration. One that the controller lets in already stays as it
 * is; one whose keys it has removed gets new ones. `restarts`: what runs there, if anything, is not this agent yet; `labels` are still to
 * be set.
 */
export async function enrol(
  work: Work,
): Promise<Registered & Pick<HostResult, 'labels'> & { restarts: boolean }> {
  const { entry, probe, fit, host, undo, step, ports } = work;
  const { home, agent } = probe;
  if (home) {
    step('register');
    const known = { id: home.agent, name: home.name };
    const has = await ports.registrar.labelsOf(known);
    if (has) return { ...known, labels: missing(entry.labels, has), restarts: !agent.running };
  }
  // Its journal is its lock: while it runs, or is about to, nobody else opens the home.
  if (agent.running || agent.services.length > 0) {
    undo.push('the agent is stopped', async () => {
      await host.run('starting the agent', startText(fit.manager, fit.settingsFile));
    });
    await host.run('stopping the agent', stopText(fit.manager));
  }
  step('init');
  let identity = await init(work);
  step('register');
  try {
    await register(work, identity);
  } catch (cause) {
    if (!(cause instanceof HostFailure) || cause.because !== 'agent-removed') throw cause;
    work.tell({ what: 'warning', text: 'it was removed from the fleet, and gets new keys' });
    await host.run('forgetting the old keys', leaveText());
    identity = await init(work);
    await register(work, identity);
  }
  return { id: identity.id, name: identity.name, labels: {}, restarts: true };
}

async function init({ host, ports, fit, undo }: Work): Promise<PublicIdentity> {
  const { trust } = ports;
  const { status, stdout, stderr } = await host.answer(initText(fit.name), { input: trustText(trust) });
  const identity = readPublicIdentity({ status, stdout, stderr }, trust.fleetId);
  if (identity.name !== fit.name)
    throw new HostFailure('step', `it was to be ${fit.name}, and made keys for ${identity.name}`);
  if (identity.madeHome)
    undo.push('its keys', async () => void (await host.run('removing the home', removeHomeText())));
  else if (identity.created)
    undo.push('its keys', async () => void (await host.run('forgetting the keys', leaveText())));
  return identity;
}

async function register({ ports, entry, host, undo }: Work, identity: PublicIdentity): Promise<void> {
  const { name, signKey, boxKey, epoch, hostname } = identity;
  const { created, replaced, id } = await ports.registrar.register({
    ...{ name, signKey, boxKey, epoch, hostname, labels: { ...entry.labels } },
    ...(mayReplace(ports.settings, entry, name) ? { replace: true } : {}),
  });
  if (id !== identity.id)
    throw new HostFailure('refused', 'the controller and the host do not mean the same agent');
  // It was there before, and has waited for an operator's word perhaps: this was it.
  if (!created) return;
  undo.push(`in the fleet, ${name}`, async () => {
    // What is on the host stays with it then, and another run goes on from there.
    if (host.gone.aborted) throw new Error('it stays registered: the connection is gone');
    await ports.registrar.remove({ id, name });
    if (replaced !== null) throw new Error('the agent that had this name before stays removed');
  });
}
