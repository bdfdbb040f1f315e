/**
 * What is where on a host. Programs that no package manager brought belong below /opt (FHS 3.13); what a service needs to know goes where
 * the distribution looks for it.
 *
 *   /opt/muster-agent/a, b       two slots, each: release.json, and `agent` (an executable) or `agent.cjs` and `node` (a link to the host's)
 *   /opt/muster-agent/current    -> a or b; replaced by one rename
 *   /opt/muster-agent/trial      there while a new version has not come online yet
 *   /opt/muster-agent/bin/       muster-agent, which starts the current slot (launcher.ts), and uninstall
 *   /usr/local/bin/muster-agent  -> /opt/muster-agent/bin/muster-agent
 *   /etc/default/muster-agent    the service's environment; /etc/sysconfig/muster-agent where that folder is
 *   /etc/systemd/system/muster-agent.service, or /etc/init.d/muster-agent
 *   /var/lib/muster-agent        the agent's home: keys, journal, spool
 */
export const LAYOUT = {
  program: '/opt/muster-agent',
  current: '/opt/muster-agent/current',
  trial: '/opt/muster-agent/trial',
  launcher: '/opt/muster-agent/bin/muster-agent',
  uninstaller: '/opt/muster-agent/bin/uninstall',
  command: '/usr/local/bin/muster-agent',
  home: '/var/lib/muster-agent',
  service: 'muster-agent',
  systemdUnit: '/etc/systemd/system/muster-agent.service',
  openrcScript: '/etc/init.d/muster-agent',
  settings: { debian: '/etc/default/muster-agent', redhat: '/etc/sysconfig/muster-agent' },
} as const;

export type Slot = 'a' | 'b';
