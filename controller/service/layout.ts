/**
 * What is where on the controller's machine. Programs that no package manager brought belong below /opt (FHS 3.13), as the agents' do.
 *
 *   /opt/muster/a, b                    two slots, each a whole program: bin/, dist/, its Node, and program.json, which is written last
 *   /opt/muster/current                 -> a or b; replaced by one rename
 *   /opt/muster/taking-over             the old home of a controller that is being taken over, until that is aside
 *   /usr/local/bin/muster               -> /opt/muster/current/bin/muster
 *   /etc/default/muster                 the settings of `muster serve`; /etc/sysconfig/muster where that folder is
 *   /etc/systemd/system/muster.service  the unit
 *   /var/lib/muster                     MUSTER_HOME of the service and of root, owned by the user muster
 *   /var/lib/muster/backups             what upgrades made before they touched anything
 */
export const PLACES = {
  service: 'muster',
  user: 'muster',
  program: '/opt/muster',
  current: '/opt/muster/current',
  takingOver: '/opt/muster/taking-over',
  command: '/usr/local/bin/muster',
  commandTarget: '/opt/muster/current/bin/muster',
  unit: '/etc/systemd/system/muster.service',
  settings: { debian: '/etc/default/muster', redhat: '/etc/sysconfig/muster' },
  home: '/var/lib/muster',
  /** What is copied there before it is put in its place. */
  staging: '/var/lib/muster/taking-over',
  backups: '/var/lib/muster/backups',
} as const;

export const SLOTS = ['a', 'b'] as const;
export type Slot = (typeof SLOTS)[number];

export const slotPath = (slot: Slot): string => `${PLACES.program}/${slot}`;
export const recordPath = (slot: Slot): string => `${slotPath(slot)}/program.json`;
export const commandIn = (slot: Slot): string => `${slotPath(slot)}/bin/muster`;
/** The one that an upgrade goes to. */
export const otherSlot = (slot: Slot | undefined): Slot => (slot === 'a' ? 'b' : 'a');
