/**
 * What an agent says of its machine. A field that could not be learnt is absent; nothing is guessed. The controller
 * reads the same shape, with its own bounds, in controller/inventory/facts-shape.ts.
 */
export interface Facts {
  agentVersion: string;
  nodeVersion?: string | undefined;
  /** As `uname -m` says: x86_64, aarch64. */
  arch?: string | undefined;
  hostname?: string | undefined;
  /** Only what the machine itself holds; no name server is asked. */
  fqdn?: string | undefined;
  os?: OsFacts | undefined;
  kernel?: { release?: string | undefined; version?: string | undefined } | undefined;
  cpu?: { model?: string | undefined; count?: number | undefined } | undefined;
  memory?: { totalBytes?: number | undefined; swapTotalBytes?: number | undefined } | undefined;
  /** Local file systems with a device behind them, sorted by mount point. */
  disks?: DiskFacts[] | undefined;
  /** Without loopback and the host's ends of containers' links. */
  addresses?: AddressFacts[] | undefined;
  packageManager?: PackageManager | undefined;
  init?: 'systemd' | 'openrc' | 'other' | 'none' | undefined;
  /** In systemd-detect-virt's words: none, kvm, qemu, vmware, docker, lxc, wsl … */
  virtualisation?: string | undefined;
  cgroup?: 'v1' | 'v2' | 'hybrid' | 'none' | undefined;
  /** By what the agent keeps the processes of a run together, to end all of them. */
  containment?: 'cgroup2' | 'cgroup1' | 'process-tree' | undefined;
  /** How the agent's program is here, and for which processor, as Node calls it: what it may be replaced by. */
  agent?: { form: AgentForm; arch: string } | undefined;
  /** An IANA name. */
  timezone?: string | undefined;
  bootId?: string | undefined;
  bootedAtMs?: number | undefined;
  /** 32 hex characters; the machine id itself is not to leave the machine (machine-id(5)). */
  machineIdHash?: string | undefined;
  /** As whom the agent runs. */
  user?: { uid: number; name?: string | undefined } | undefined;
  rebootRequired?: boolean | undefined;
  /** What changes without anything having happened; not part of the digest. */
  volatile: VolatileFacts;
}

export interface OsFacts {
  id: string;
  versionId?: string | undefined;
  prettyName?: string | undefined;
  family: OsFamily;
}

/** `other`: Muster did not install it, so that it does not replace itself. */
export type AgentForm = 'bundle' | 'executable' | 'other';

export type OsFamily = 'debian' | 'rhel' | 'suse' | 'alpine' | 'arch' | 'other';
export type PackageManager = 'apt' | 'dnf' | 'yum' | 'zypper' | 'apk' | 'pacman' | 'none';

export interface DiskFacts {
  mount: string;
  fsType: string;
  device: string;
  totalBytes?: number | undefined;
}

export interface AddressFacts {
  interface: string;
  family: 'ipv4' | 'ipv6';
  address: string;
  prefix?: number | undefined;
  mac?: string | undefined;
}

export interface VolatileFacts {
  gatheredAtMs: number;
  uptimeSeconds: number;
  /** Runnable tasks, averaged over 1, 5 and 15 minutes. */
  load?: number[] | undefined;
  memoryAvailableBytes?: number | undefined;
  swapFreeBytes?: number | undefined;
  /** Room for those who are not root. */
  disks?: { mount: string; availableBytes: number }[] | undefined;
}

/** The facts as JSON; the same facts give the same text, whatever the order of their keys. */
export function factsJson(facts: Facts): string {
  return stableJson(facts);
}

/** What the digest is taken over: the same text without what is volatile. */
export function digestJson(facts: Facts): string {
  return stableJson({ ...facts, volatile: undefined });
}

function stableJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
