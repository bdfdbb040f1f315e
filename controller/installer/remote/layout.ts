/**
 * What is where on a host. Programs that no package manager brought belong below /opt (FHS 3.13); what a service needs to know goes where
 * the distribution looks for it.
 *
 *   /opt/muster-agent/a, b       two slots, each: release.json, and `agent` (an executable) or `agent.cjs` and `node` (a link to the host's)
 *   /opt/muster-agent/current    -> a or b; replaced by one rename
 *   /opt/muster-agent/trial      a folder, there while a new version has not come online yet; last-trial: the one before (proto/slots.ts)
 *   /opt/muster-agent/bin/       muster-agent, which starts the current slot (launcher.ts), and uninstall;
 *                                with --service none, supervise, which starts it again and again
 *   /opt/muster-agent/removing   there once a removal has begun: whoever starts the agent goes on with it (uninstall.ts); removing-keep
 *                                beside it: without the policy
 *   /usr/local/bin/muster-agent  -> /opt/muster-agent/bin/muster-agent
 *   /etc/default/muster-agent    the service's environment; /etc/sysconfig/muster-agent where that folder is
 *   /etc/systemd/system/muster-agent.service, or /etc/init.d/muster-agent
 *   /var/lib/muster-agent        the agent's home: keys, journal, spool
 *   /var/log/muster-agent.log    what it says, where there is no journal
 *   /run/muster-agent.pid        of supervise
 *   /run/muster-install/         who is at work on this host now (lock.ts)
 */
export const LAYOUT = layoutAt('');

/** The same below another root, for tests. */
export function layoutAt(root: string) {
  const program = `${root}/opt/muster-agent`;
  return {
    program,
    slots: { a: `${program}/a`, b: `${program}/b` },
    current: `${program}/current`,
    trial: `${program}/trial`,
    bin: `${program}/bin`,
    launcher: `${program}/bin/muster-agent`,
    uninstaller: `${program}/bin/uninstall`,
    supervisor: `${program}/bin/supervise`,
    removing: `${program}/removing`,
    command: `${root}/usr/local/bin/muster-agent`,
    home: `${root}/var/lib/muster-agent`,
    service: 'muster-agent',
    systemdUnit: `${root}/etc/systemd/system/muster-agent.service`,
    openrcScript: `${root}/etc/init.d/muster-agent`,
    settings: { debian: `${root}/etc/default/muster-agent`, redhat: `${root}/etc/sysconfig/muster-agent` },
    log: `${root}/var/log/muster-agent.log`,
    pidFile: `${root}/run/muster-agent.pid`,
    locks: `${root}/run/muster-install`,
    etc: `${root}/etc`,
  } as const;
}

export type Layout = ReturnType<typeof layoutAt>;
export type { Slot } from '../../../proto/slots.ts';

/** In a unit, a script or a settings file: this program wrote it, and may replace or remove it. */
export const MARK = "Written by Muster's installer";
