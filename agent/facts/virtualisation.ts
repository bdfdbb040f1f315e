import { type Mount, parseCgroup } from './parse.ts';

/** What of a machine tells where it runs. Every part may be missing. */
export interface VirtualisationEvidence {
  kernelRelease?: string | undefined;
  /** /run/host/container-manager, /run/systemd/container */
  containerManager?: string | undefined;
  hasDockerEnv: boolean;
  hasContainerEnv: boolean;
  hasOpenVz: boolean;
  /** /proc/1/cgroup */
  initCgroup?: string | undefined;
  mounts: readonly Mount[];
  /** /sys/class/dmi/id: product_name, sys_vendor, board_vendor, bios_vendor, product_version */
  dmi: readonly (string | undefined)[];
  clocksources?: string | undefined;
  /** /sys/hypervisor/type */
  hypervisorType?: string | undefined;
  /** /proc/device-tree/hypervisor/compatible */
  deviceTree?: string | undefined;
  hasHypervisorFlag: boolean;
}

/**
 * systemd-detect-virt's answer in its words, from files alone (systemd-detect-virt(1); the order is that of systemd's
 * src/basic/virt.c: a container before the machine that it is on). Where systemd asks the processor who the hypervisor
 * is, the kernel's clock source is asked instead.
 */
export function detectVirtualisation(evidence: VirtualisationEvidence): string {
  return detectContainer(evidence) ?? detectMachine(evidence);
}

const MANAGERS = new Set([
  'docker',
  'podman',
  'lxc',
  'lxc-libvirt',
  'systemd-nspawn',
  'rkt',
  'proot',
  'pouch',
  'wsl',
]);

function detectContainer(evidence: VirtualisationEvidence): string | undefined {
  if (evidence.hasOpenVz) return 'openvz';
  if (/microsoft|wsl/i.test(evidence.kernelRelease ?? '')) return 'wsl';
  const manager = evidence.containerManager?.trim();
  if (manager && manager !== 'oci') return MANAGERS.has(manager) ? manager : 'container-other';
  if (evidence.hasContainerEnv) return 'podman';
  if (evidence.hasDockerEnv) return 'docker';
  for (const { path } of parseCgroup(evidence.initCgroup ?? '')) {
    if (/\/(?:docker|docker-[^/]+\.scope)(?:\/|$)/.test(path)) return 'docker';
    if (/\/(?:libpod-|machine\.slice\/libpod)/.test(path)) return 'podman';
    if (/\/(?:lxc|lxc\.payload[^/]*)(?:\/|$)/.test(path)) return 'lxc';
    if (/\/kubepods/.test(path)) return 'container-other';
  }
  if (evidence.mounts.some(({ fsType, mount }) => fsType === 'fuse.lxcfs' && mount.startsWith('/proc/')))
    return 'lxc';
  const root = evidence.mounts.findLast(({ mount }) => mount === '/');
  if (root?.fsType === 'overlay' && /containerd|docker|containers\/storage/.test(root.superOptions))
    return 'container-other';
  return manager ? 'container-other' : undefined;
}

const DMI: readonly [prefix: string, word: string][] = [
  ['KVM', 'kvm'],
  ['OpenStack', 'kvm'],
  ['KubeVirt', 'kvm'],
  ['Amazon EC2', 'amazon'],
  ['QEMU', 'qemu'],
  ['VMware', 'vmware'],
  ['VMW', 'vmware'],
  ['innotek GmbH', 'oracle'],
  ['VirtualBox', 'oracle'],
  ['Oracle Corporation', 'oracle'],
  ['Xen', 'xen'],
  ['Bochs', 'bochs'],
  ['Parallels', 'parallels'],
  ['BHYVE', 'bhyve'],
  ['Hyper-V', 'microsoft'],
  ['Apple Virtualization', 'apple'],
  ['Google Compute Engine', 'google'],
];

function detectMachine(evidence: VirtualisationEvidence): string {
  const byDmi = fromDmi(evidence.dmi);
  if (byDmi === 'amazon') return /\.metal(?:-|$)/.test(evidence.dmi[0]?.trim() ?? '') ? 'none' : 'amazon';
  if (byDmi && byDmi !== 'qemu') return byDmi;
  const clocks = evidence.clocksources?.split(/\s+/) ?? [];
  if (clocks.includes('kvm-clock')) return 'kvm';
  if (clocks.some((clock) => clock.startsWith('hyperv'))) return 'microsoft';
  if (clocks.includes('xen') || evidence.hypervisorType?.trim() === 'xen') return 'xen';
  if (evidence.deviceTree?.startsWith('linux,kvm')) return 'kvm';
  if (evidence.deviceTree?.includes('xen')) return 'xen';
  if (evidence.deviceTree?.includes('vmware')) return 'vmware';
  if (byDmi) return byDmi;
  return evidence.hasHypervisorFlag || evidence.deviceTree ? 'vm-other' : 'none';
}

function fromDmi(values: readonly (string | undefined)[]): string | undefined {
  for (const value of values) {
    const found = DMI.find(([prefix]) => value?.trimStart().startsWith(prefix));
    if (found) return found[1];
  }
  return undefined;
}
