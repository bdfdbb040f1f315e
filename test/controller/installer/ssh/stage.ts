import { chmodSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Destination } from '../../../../controller/installer/host.ts';
import type { Connection } from '../../../../controller/installer/shell.ts';
import {
  type Connector,
  type ConnectorPorts,
  createConnector,
} from '../../../../controller/installer/ssh/connector.ts';
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
  connector(ports?: Partial<ConnectorPorts>): Connector;
  /** Connects, and closes at the end of the test. */
  open(connector: Connector, to: Destination, sudo?: boolean): Promise<Connection>;
  /** The same with a connector of its own. */
  connect(to: Destination, ports?: Partial<ConnectorPorts>, sudo?: boolean): Promise<Connection>;
}

/** Any key is right. */
export const ANY_KEY: HostKeys = {
  algorithms: async () => ['ssh-ed25519'],
  judge: async () => async () => {},
};

const forever = new AbortController().signal;

/** Real hosts, and a connector to them with the settings of an operator who has one key. */
export function stage(t: { after(fn: () => unknown): void }): Stage {
  const folder = temporaryFolder(t);
  const hosts = sshHosts(t);
  const keyFile = join(folder, 'id_test');
  writeFileSync(keyFile, hosts.key.private);
  chmodSync(keyFile, 0o600);
  const connector = (ports: Partial<ConnectorPorts> = {}): Connector =>
    createConnector({
      clock: systemClock,
      random: systemRandom,
      readFile: (path) => readFile(path),
      agentSocket: undefined,
      ask: async () => undefined,
      hostKeys: ANY_KEY,
      signal: forever,
      ...ports,
    });
  async function open(by: Connector, to: Destination, sudo = false): Promise<Connection> {
    const connection = await by.connect(to, forever, sudo);
    t.after(() => connection.close());
    return connection;
  }
  return {
    hosts,
    folder,
    keyFile,
    destination: ({ address, port }, changes = {}) => ({
      name: 'web-1',
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
      hashKnownHosts: false,
      connectTimeoutMs: undefined,
      jumps: [],
      ...changes,
    }),
    connector,
    open,
    connect: (to, ports, sudo = false) => open(connector(ports), to, sudo),
  };
}
