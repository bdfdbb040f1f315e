import type { Clock } from '../../../proto/clock.ts';
import type { RandomBytes } from '../../../proto/random.ts';
import { HostFailure } from '../failure.ts';
import type { Destination } from '../host.ts';
import type { Connection } from '../shell.ts';
import type { HostKeys } from './host-keys.ts';
import { createJumps, type Way } from './jumps.ts';
import { createKeyring } from './keyring.ts';
import { openRootShell, type RootShell } from './open-root-shell.ts';
import { type Ask, createSecrets } from './secrets.ts';
import { openSession, type Session } from './session.ts';
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
  /** For each thing that a host is waited for; otherwise as its settings say. */
  readonly timeoutMs?: number;
}

export interface Connector {
  /** `sudo`: whether a user who is not root becomes it by sudo. Throws HostFailure, or the signal's reason. */
  connect(to: Destination, signal: AbortSignal, sudo?: boolean): Promise<Connection>;
}

const CONNECT_MS = 10_000;
/** Whoever is asked at a login may take longer than a server waits for it; then it is begun once more, with the answer. */
const PATIENCE_MS = 15_000;

/** The hosts of one run: keys, passphrases, passwords and jumps are theirs in common. */
export function createConnector(ports: ConnectorPorts): Connector {
  const { clock, random, hostKeys } = ports;
  const keyring = createKeyring(ports);
  const secrets = createSecrets(ports.ask, ports.signal);
  const timeoutMs = (to: Destination): number => ports.timeoutMs ?? to.connectTimeoutMs ?? CONNECT_MS;
  const jumps = createJumps({
    clock,
    timeoutMs,
    openSocket: (to, signal) => openSocket(to.host, to.port, { clock, timeoutMs: timeoutMs(to), signal }),
    login,
  });

  async function login(
    to: Destination,
    way: () => Promise<Way>,
    signal: AbortSignal,
    isAgain = false,
  ): Promise<Session> {
    let thoughtMs = 0;
    let thought: Promise<void> = Promise.resolve();
    function onThinking(work: Promise<unknown>): void {
      const sinceMs = clock.monotonicMs();
      thought = work
        .catch(() => {})
        .then(() => {
          thoughtMs += clock.monotonicMs() - sinceMs;
        });
    }
    const { stream, release } = await way();
    stream.once('close', release);
    try {
      const own = { clock, hostKeys, keyring, secrets, timeoutMs: timeoutMs(to), onThinking };
      return await openSession(to, stream, own, signal);
    } catch (error) {
      if (isAgain || signal.aborted || !hasHungUp(error)) throw error;
      await thought;
      if (thoughtMs < PATIENCE_MS) throw error;
      return login(to, way, signal, true);
    }
  }

  return {
    async connect(to, signal, sudo = false) {
      const session = await login(to, () => jumps.wayTo(to, signal), signal);
      const shells: RootShell[] = [];
      return {
        fingerprint: session.fingerprint,
        user: to.user,
        gone: session.gone,
        async rootShell() {
          const { user, host } = to;
          const shell = await openRootShell(session, { clock, random, user, host, sudo, secrets });
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

const hasHungUp = (error: unknown): boolean =>
  error instanceof HostFailure && (error.because === 'cut' || error.because === 'no-ssh');
