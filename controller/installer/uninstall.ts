import { checkMachine } from './claims.ts';
import { HostFailure } from './failure.ts';
import type { HostEntry } from './host.ts';
import { claimMachine, hostOf, inWords } from './install.ts';
import { lockText, unlockText } from './remote/lock.ts';
import { probeText } from './remote/probe.ts';
import { type Probe, parseProbe } from './remote/probe-answer.ts';
import { uninstallText } from './remote/uninstall.ts';
import type { Connection } from './shell.ts';
import type { HostResult, HostWork, InstallPorts, Step } from './work.ts';

export interface UninstallPorts extends Pick<InstallPorts, 'trust' | 'registrar' | 'by' | 'connect'> {
  readonly keepPolicy: boolean;
}

/**
 * Removes the agent from one host, with service, files and keys, and then from the fleet. What is removed is not put back: who is told
 * to stop is let go on once it has begun. Throws HostFailure; cut off anywhere, it is only to be carried out again.
 */
export async function uninstallHost(
  entry: HostEntry,
  ports: UninstallPorts,
  work: HostWork,
): Promise<HostResult> {
  let connection: Connection | undefined;
  const step = (name: Step): void => {
    if (work.stop.aborted) throw new HostFailure('stopped');
    work.tell({ what: 'step', step: name });
  };
  try {
    step('connect');
    connection = await ports.connect(entry, work.stop);
    const host = hostOf(await connection.rootShell(), connection.gone);
    const bootId = await claimMachine(host, work);
    step('lock');
    await host.run('taking the lock', lockText(), { input: Buffer.from(`${ports.by}\n`) });
    step('probe');
    const { stdout } = await host.answer(probeText([]), { input: Buffer.from('\n') });
    const probe = parseProbe(stdout, 0);
    const { home } = probe;
    if (home && home.fleet !== ports.trust.fleetId)
      throw new HostFailure('other-fleet', `fleet ${home.fleet}, as ${home.name}`);
    const agent = home && { id: home.agent, name: home.name };
    if (agent) await checkMachine(ports.registrar, agent, bootId);
    const isThere = home !== undefined || hasPrograms(probe);
    if (isThere) {
      step('remove');
      const words = ports.keepPolicy ? 'set -- --keep-policy' : 'set --';
      await host.run('removing the agent', `${words}\n${uninstallText()}`);
    }
    if (agent) await ports.registrar.remove(agent);
    await host.run('letting go', unlockText()).catch(() => {});
    const { current, releases } = probe.agent;
    const release = current && releases[current];
    return {
      ...{ did: isThere ? 'removed' : 'absent', name: home?.name ?? entry.written, agentId: home?.agent },
      ...{
        version: release?.version ?? '',
        previous: release?.version,
        form: release?.form,
        sentBytes: 0,
        labels: {},
      },
      ...{ fingerprint: connection.fingerprint, machine: inWords(probe), plan: [] },
    };
  } catch (cause) {
    throw work.stop.aborted ? new HostFailure('stopped', '', { cause }) : cause;
  } finally {
    await connection?.close();
  }
}

const hasPrograms = ({ agent }: Probe): boolean =>
  agent.current !== undefined || agent.launcher || agent.services.some(({ ours }) => ours);
