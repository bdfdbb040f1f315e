import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMountinfo } from '../../../agent/facts/parse.ts';
import { detectVirtualisation, type VirtualisationEvidence } from '../../../agent/facts/virtualisation.ts';

const BARE: VirtualisationEvidence = {
  hasDockerEnv: false,
  hasContainerEnv: false,
  hasOpenVz: false,
  mounts: [],
  dmi: ['PowerEdge R640\n', 'Dell Inc.\n', 'Dell Inc.\n', 'Dell Inc.\n', undefined],
  clocksources: 'tsc hpet acpi_pm \n',
  hasHypervisorFlag: false,
};

const overlay = (options: string) => parseMountinfo(`1 1 0:7 / / rw - overlay overlay rw,${options}`);

const TABLE: [what: string, word: string, evidence: Partial<VirtualisationEvidence>][] = [
  ['a bare machine', 'none', {}],
  ['a machine that shows nothing', 'none', { dmi: [], clocksources: undefined }],
  [
    'QEMU with KVM',
    'kvm',
    { dmi: ['Standard PC', 'QEMU'], clocksources: 'kvm-clock tsc', hasHypervisorFlag: true },
  ],
  ['QEMU without KVM', 'qemu', { dmi: ['Standard PC', 'QEMU'], hasHypervisorFlag: true }],
  ['a microVM without DMI', 'kvm', { dmi: [], clocksources: 'tsc kvm-clock \n', hasHypervisorFlag: true }],
  ['KVM on ARM', 'kvm', { dmi: [], clocksources: 'arch_sys_counter', deviceTree: 'linux,kvm\0' }],
  ['VMware', 'vmware', { dmi: ['VMware7,1', 'VMware, Inc.'] }],
  ['VirtualBox', 'oracle', { dmi: ['VirtualBox', 'innotek GmbH'] }],
  [
    'Hyper-V',
    'microsoft',
    { dmi: ['Virtual Machine', 'Microsoft Corporation', 'x', 'x', 'Hyper-V UEFI Release v4.1'] },
  ],
  ['Hyper-V by its clock', 'microsoft', { dmi: [], clocksources: 'hyperv_clocksource_tsc_page tsc' }],
  ['Amazon', 'amazon', { dmi: ['m5.large', 'Amazon EC2'], clocksources: 'kvm-clock tsc' }],
  ['Amazon without a hypervisor', 'none', { dmi: ['m5.metal\n', 'Amazon EC2'] }],
  ['Google', 'google', { dmi: ['Google Compute Engine', 'Google'], clocksources: 'kvm-clock tsc' }],
  ['Xen', 'xen', { dmi: [], hypervisorType: 'xen\n' }],
  ['an unknown hypervisor', 'vm-other', { dmi: [], clocksources: 'tsc', hasHypervisorFlag: true }],
  ['WSL 2', 'wsl', { kernelRelease: '5.15.153.1-microsoft-standard-WSL2\n', hasHypervisorFlag: true }],
  [
    'Docker by its file',
    'docker',
    { hasDockerEnv: true, clocksources: 'kvm-clock', hasHypervisorFlag: true },
  ],
  ['Docker by its cgroup', 'docker', { initCgroup: '4:cpu,cpuacct:/docker/3f1c2b4d\n' }],
  ['Docker by its scope', 'docker', { initCgroup: '0::/system.slice/docker-3f1c.scope\n' }],
  ['Podman', 'podman', { hasContainerEnv: true }],
  ['Podman by its cgroup', 'podman', { initCgroup: '0::/machine.slice/libpod-3f1c.scope\n' }],
  ['LXC by its manager', 'lxc', { containerManager: 'lxc\n' }],
  ['LXC by its cgroup', 'lxc', { initCgroup: '0::/lxc.payload.web/init.scope\n' }],
  ['LXC by lxcfs', 'lxc', { mounts: parseMountinfo('1 1 0:7 / /proc/meminfo rw - fuse.lxcfs lxcfs rw') }],
  [
    'a host that serves LXC',
    'none',
    { mounts: parseMountinfo('1 1 0:7 / /var/lib/lxcfs rw - fuse.lxcfs lxcfs rw') },
  ],
  ['systemd-nspawn', 'systemd-nspawn', { containerManager: 'systemd-nspawn' }],
  ['a manager nobody knows', 'container-other', { containerManager: '\u001b[31m' }],
  ['OCI with a file that says more', 'docker', { containerManager: 'oci', hasDockerEnv: true }],
  ['OCI without', 'container-other', { containerManager: 'oci' }],
  [
    'a pod',
    'container-other',
    { initCgroup: '0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-1.scope' },
  ],
  [
    'a pod with its own cgroup namespace',
    'container-other',
    { mounts: overlay('upperdir=/var/lib/containerd/1/fs') },
  ],
  ['a live system on an overlay', 'none', { mounts: overlay('upperdir=/run/live/overlay/rw') }],
  ['a host that runs Docker', 'none', { initCgroup: '0::/init.scope\n' }],
  ['OpenVZ', 'openvz', { hasOpenVz: true }],
];

for (const [what, word, evidence] of TABLE) {
  test(`${what} is ${word}`, () => assert.equal(detectVirtualisation({ ...BARE, ...evidence }), word));
}
