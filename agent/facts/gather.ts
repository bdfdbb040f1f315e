import type { Clock } from '../../proto/clock.ts';
import { diskMounts } from './disks.ts';
import type { AddressFacts, Facts, OsFacts } from './facts.ts';
import {
  bootedAtMs,
  cgroupVersion,
  countCpuList,
  type Mount,
  parseCpuinfo,
  parseLoad,
  parseMeminfo,
  parseMountinfo,
  parseOsRelease,
} from './parse.ts';
import {
  fqdnOf,
  initOf,
  packageManagerOf,
  rebootRequiredOf,
  timezoneFrom,
  virtualisationOf,
} from './platform.ts';
import { type FactSource, type NetworkAddress, type Probe, startProbe } from './probe.ts';

export interface GatherOptions {
  readonly clock: Clock;
  readonly agentVersion: string;
  readonly containment?: Facts['containment'];
  readonly agent?: Facts['agent'];
  /** Whatever has not answered by then is left out. */
  readonly boundMs?: number;
}

/** So that the JSON stays far below LIMITS.factsBytes on any machine. */
const STRING_CHARS = 256;
const MOST_ADDRESSES = 256;
/** These two grow with the number of mounts and interrupts. */
const LONG_TEXT_BYTES = 1024 * 1024;

/** Never rejects: what is missing, unreadable, nonsense or too slow is absent. Starts no process. */
export async function gatherFacts(source: FactSource, options: GatherOptions): Promise<Facts> {
  const probe = startProbe(source, options.clock, options.boundMs ?? 1_000);
  try {
    return await gather(source, probe, options);
  } finally {
    probe.stop();
  }
}

async function gather(
  source: FactSource,
  probe: Probe,
  { clock, agentVersion, containment, agent }: GatherOptions,
): Promise<Facts> {
  const [osText, mountText, cpuText, online, meminfo, stat, load, release, version, bootId] =
    await Promise.all([
      probe.read('/etc/os-release').then((text) => text ?? probe.read('/usr/lib/os-release')),
      probe.read('/proc/self/mountinfo', LONG_TEXT_BYTES),
      probe.read('/proc/cpuinfo'),
      probe.read('/sys/devices/system/cpu/online'),
      probe.read('/proc/meminfo'),
      probe.read('/proc/stat', LONG_TEXT_BYTES),
      probe.read('/proc/loadavg'),
      probe.read('/proc/sys/kernel/osrelease'),
      probe.read('/proc/sys/kernel/version'),
      probe.read('/proc/sys/kernel/random/boot_id'),
    ]);
  const os = osText === undefined ? undefined : shorten(parseOsRelease(osText));
  const mounts = mountText === undefined ? undefined : parseMountinfo(mountText);
  const cpu = parseCpuinfo(cpuText ?? '');
  const memory = parseMeminfo(meminfo ?? '');
  const hostname = line(await probe.attempt(() => source.hostname()));
  const [
    machine,
    nodeVersion,
    user,
    addresses,
    fqdn,
    zone,
    disks,
    manager,
    init,
    virtualisation,
    machineId,
    reboot,
  ] = await Promise.all([
    probe.attempt(() => source.machine()),
    probe.attempt(() => source.nodeVersion()),
    probe.attempt(() => source.user()),
    probe.attempt(() => addressFacts(source.networkInterfaces())),
    fqdnOf(probe, hostname),
    timezoneFrom(probe),
    measureDisks(source, probe, mounts ?? []),
    packageManagerOf(probe, os?.family ?? 'other'),
    initOf(probe),
    virtualisationOf(probe, release, mounts ?? [], cpu.hypervisor),
    hashMachineId(source, probe),
    rebootRequiredOf(probe),
  ]);
  return {
    agentVersion,
    nodeVersion: line(nodeVersion),
    arch: line(machine),
    hostname,
    fqdn: line(fqdn),
    os,
    kernel: { release: line(release), version: line(version) },
    cpu: { model: line(cpu.model), count: countCpuList(online ?? '') ?? (cpu.count || undefined) },
    memory: { totalBytes: memory.get('MemTotal'), swapTotalBytes: memory.get('SwapTotal') },
    disks:
      mounts &&
      disks.map(({ mount, fsType, device, size }) => ({
        mount,
        fsType,
        device,
        totalBytes: size?.totalBytes,
      })),
    addresses,
    packageManager: manager,
    init,
    virtualisation,
    cgroup: mounts && cgroupVersion(mounts),
    containment,
    agent,
    timezone: line(zone),
    bootId: line(bootId),
    bootedAtMs: bootedAtMs(stat ?? ''),
    machineIdHash: machineId,
    user: user && { uid: user.uid, name: line(user.name) },
    rebootRequired: reboot,
    volatile: {
      gatheredAtMs: clock.now(),
      uptimeSeconds: Math.floor(clock.uptimeMs() / 1000),
      load: parseLoad(load ?? ''),
      memoryAvailableBytes: memory.get('MemAvailable'),
      swapFreeBytes: memory.get('SwapFree'),
      disks: disks.flatMap(({ mount, size }) =>
        size ? [{ mount, availableBytes: size.availableBytes }] : [],
      ),
    },
  };
}

function measureDisks(source: FactSource, probe: Probe, mounts: readonly Mount[]) {
  return Promise.all(
    diskMounts(mounts).map(async ({ mount, fsType, source: device }) => ({
      mount,
      fsType,
      device: line(device) ?? 'none',
      size: await probe.attempt(() => source.statfs(mount)),
    })),
  );
}

/** A container's start makes a veth pair; its address says nothing of this machine, and would change the digest. */
function addressFacts(addresses: readonly NetworkAddress[]): AddressFacts[] {
  return addresses
    .filter((address) => !address.internal && !address.interface.startsWith('veth'))
    .map((address) => ({
      interface: line(address.interface) ?? '',
      family: address.family,
      address: line(address.address) ?? '',
      prefix: address.prefix,
      mac: /^(?:00:){5}00$/.test(address.mac) ? undefined : line(address.mac),
    }))
    .sort(
      (a, b) =>
        compare(a.interface, b.interface) || compare(a.family, b.family) || compare(a.address, b.address),
    )
    .slice(0, MOST_ADDRESSES);
}

async function hashMachineId(source: FactSource, probe: Probe): Promise<string | undefined> {
  const id = (await probe.read('/etc/machine-id'))?.trim() ?? '';
  if (!/^[0-9a-f]{32}$/.test(id)) return undefined;
  const hash = await probe.attempt(() => source.sha512(Buffer.from(`muster/v1/machine-id\0${id}`, 'ascii')));
  return hash && Buffer.from(hash.subarray(0, 16)).toString('hex');
}

function shorten(os: OsFacts): OsFacts {
  return {
    id: line(os.id) ?? 'linux',
    versionId: line(os.versionId),
    prettyName: line(os.prettyName),
    family: os.family,
  };
}

function line(text: string | undefined): string | undefined {
  return text?.trim().slice(0, STRING_CHARS) || undefined;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
