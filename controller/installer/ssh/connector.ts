import type { Clock } from '../../../proto/clock.ts';
import type { RandomBytes } from '../../../proto/random.ts';
import type { Destination } from '../host.ts';
import type { Connection } from '../shell.ts';
import type { HostKeys } from './host-keys.ts';
import { createKeyring } from './keyring.ts';
import { openRootShell, type RootShell } from './open-root-shell.ts';
import { type Ask, createSecrets } from './secrets.ts';
import { openSession } from './session.ts';
import { openSocket } from './socket.ts';

export interface ConnectorPorts {
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Of this machine. Rejects where it cannot be read. */
  readFile(path: string): Promise<Buffer>;
  /** SSH_AUTH_SOCK. */
  readonly agentSocket: string | undefined;
  readonly ask: Ask;
  readonly hostKeys: HostKeys;
  /** Of the whole run: ends what is asked for all hosts. */
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
}

export interface Connector {
  /** `sudo`: whether a user who is not root becomes it by sudo. Throws HostFailure, or the signal's reason. */
  connect(to: Destination, signal: AbortSignal, sudo?: boolean): Promise<Connection>;
}

const CONNECT_MS = 10_000;

/** The hosts of one run: keys, passphrases and passwords are theirs in common. */
export function createConnector(ports: ConnectorPorts): Connector {
  const { clock, random, hostKeys, timeoutMs = CONNECT_MS } = ports;
  const keyring = createKeyring(ports);
  const secrets = createSecrets(ports.ask, ports.signal);

  return {
    async connect(to, signal, sudo = false) {
      const stream = await openSocket(to.host, to.port, { clock, timeoutMs, signal });
      const session = await openSession(to, stream, { clock, hostKeys, keyring, secrets, timeoutMs }, signal);
      const shells: RootShell[] = [];
      return {
        fingerprint: session.fingerprint,
        user: to.user,
        gone: session.gone,
        async rootShell() {
          const shell = await openRootShell(session, {
            clock,
            random,
            user: to.user,
            host: to.host,
            sudo,
            secrets,
          });
          shells.push(shell);
          return shell;
        },
        async close() {
          // A shell that is told of its end leaves by itself; one whose connection goes has to take it for cut.
          await Promise.all(shells.map((shell) => shell.end()));
          await session.close();
        },
      };
    },
  };
}
