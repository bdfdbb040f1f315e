import { chmodSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Destination } from '../../../../controller/installer/host.ts';
import type { Connection } from '../../../../controller/installer/shell.ts';
import { type ConnectorPorts, createConnector } from '../../../../controller/installer/ssh/connector.ts';
import type { HostKeys } from '../../../../controller/installer/ssh/host-keys.ts';
import { systemClock, systemRandom } from '../../../../proto/system.ts';
import { type SshHost, type SshHosts, sshHosts } from '../../../hosts/sshd.ts';
import { temporaryFolder } from '../../../support/folder.ts';

export interface Stage {
  readonly hosts: SshHosts;
  readonly folder: string;
  /** The file with the key that lets in. */
  readonly keyFile: string;
  destination(host: Pick<SshHost, 'address' | 'port'>, changes?: Partial<Destination>): Destination;
  /** Connects, and closes at the end of the test. */
  connect(to: Destination, ports?: Partial<ConnectorPorts>, signal?: AbortSignal): Promise<Connection>;
}

/** Any key is right. */
export const ANY_KEY: HostKeys = {
  algorithms: async () => undefined,
  judge: async () => async () => {},
  fingerprint: () => 'SHA256:any',
};

const forever = new AbortController().signal;

/** Real hosts, and a connector to them with the settings of an operator who has one key. */
export function stage(t: { after(fn: () => unknown): void }): Stage {
  const folder = temporaryFolder(t);
  const hosts = sshHosts(t);
  const keyFile = join(folder, 'id_test');
  writeFileSync(keyFile, hosts.key.private);
  chmodSync(keyFile, 0o600);
  return {
    hosts,
    folder,
    keyFile,
    destination: ({ address, port }, changes = {}) => ({
      host: address,
      port,
      user: 'root',
      identityFiles: [keyFile],
      identitiesOnly: false,
      identityAgent: undefined,
      hostKeyAlias: undefined,
      userKnownHostsFiles: [join(folder, 'known_hosts')],
      globalKnownHostsFiles: [],
      strictHostKeys: false,
      connectTimeoutMs: undefined,
      jumps: [],
      ...changes,
    }),
    async connect(to, ports = {}, signal = forever) {
      const connector = createConnector({
        clock: systemClock,
        random: systemRandom,
        readFile: (path) => readFile(path),
        agentSocket: undefined,
        ask: async () => undefined,
        hostKeys: ANY_KEY,
        signal: forever,
        ...ports,
      });
      const connection = await connector.connect(to, signal);
      t.after(() => connection.close());
      return connection;
    },
  };
}
