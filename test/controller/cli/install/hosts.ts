import type { HostEntry } from '../../../../controller/installer/host.ts';
import type { HostResult } from '../../../../controller/installer/work.ts';

/** A host as the command line names it. */
export const entryOf = (written: string, more: Partial<HostEntry> = {}): HostEntry => ({
  ...{ written, name: written, host: written, port: undefined, user: undefined, identityFiles: [] },
  ...{ proxyJump: undefined, labels: {}, sudo: undefined, from: 'argument 1' },
  ...more,
});

export const resultOf = (name: string, more: Partial<HostResult> = {}): HostResult => ({
  ...{ did: 'installed', name, agentId: `id-${name}`, version: '0.1.0', previous: undefined, form: 'bundle' },
  ...{ sentBytes: 1024, labels: {}, plan: [], fingerprint: 'SHA256:x' },
  machine: {
    os: 'Debian',
    kernel: '6.1',
    arch: 'x86_64',
    libc: 'glibc 2.36',
    init: 'systemd',
    hostname: name,
  },
  ...more,
});
