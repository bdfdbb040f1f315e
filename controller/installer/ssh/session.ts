import type { Duplex } from 'node:stream';
import { NodeSSH } from 'node-ssh';
import type { AnyAuthMethod, Client } from 'ssh2';
import type { Clock } from '../../../proto/clock.ts';
import { HostFailure } from '../failure.ts';
import type { Destination } from '../host.ts';
import { authenticate } from './authentication.ts';
import type { HostKeys } from './host-keys.ts';
import { checkKey } from './key-check.ts';
import type { Keyring } from './keyring.ts';
import { createPatience } from './patience.ts';
import type { Secrets } from './secrets.ts';
import { sessionErrors } from './session-errors.ts';
import { unless } from './unless.ts';

export interface SessionPorts {
  readonly clock: Clock;
  readonly hostKeys: HostKeys;
  readonly keyring: Keyring;
  readonly secrets: Secrets;
  /** For each thing that the host is waited for until it is connected. */
  readonly timeoutMs: number;
  /** The host is kept waiting by this side until the work is done. */
  onThinking(work: Promise<unknown>): void;
}

/** A host that showed its key and let us in. */
export interface Session {
  readonly client: Client;
  readonly fingerprint: string;
  /** Aborted with a HostFailure when the connection is gone. */
  readonly gone: AbortSignal;
  /** Ends it at once, for this reason. */
  fail(failure: HostFailure): void;
  /** Ends it politely; never rejects. */
  close(): Promise<void>;
}

/** Logins take their time: PAM, directories, reverse look-ups. */
const LOGIN_FACTOR = 3;
/** An unanswered one of four ends it: a silent host is noticed within 75 s. */
const KEEPALIVE = { keepaliveInterval: 15_000, keepaliveCountMax: 4 };
const CLOSE_MS = 1_000;

/**
 * SSH over a stream that is open: host key, login. node-ssh opens and ends it; since its own promise is also settled by errors that end
 * nothing, and leaves those that come later to nobody, the events are read here.
 */
export async function openSession(
  to: Destination,
  stream: Duplex,
  { clock, hostKeys, keyring, secrets, timeoutMs, onThinking }: SessionPorts,
  signal: AbortSignal,
): Promise<Session> {
  const over = new AbortController();
  const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()));
  stream.on('error', () => {});
  function fail(failure: unknown): void {
    patience.stop();
    if (!over.signal.aborted) over.abort(failure);
    stream.destroy();
  }
  const patience = createPatience(clock, { onThinking, expired: fail });
  const { thinking } = patience;
  const login = authenticate(to, { keyring, secrets, thinking });
  const key = checkKey((shown) => thinking(hostKeys.judge(to, shown, signal)));
  const errors = sessionErrors();
  const stage = { isProven: () => key.isProven, isIn: false };
  async function nextMethod(
    offered: readonly string[] | undefined,
    wasPart: boolean,
  ): Promise<AnyAuthMethod> {
    await thinking(key.settle());
    return login.next(offered, wasPart);
  }
  function onHandshakeData(chunk: Buffer): void {
    const failure = errors.heard(chunk);
    if (failure) fail(failure);
  }
  /** A stream through a jump that says nothing any more is never closed by it. */
  function closedSoon(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(CLOSE_MS, resolve);
      closed.then(cancel).then(resolve);
    });
  }
  const onAbort = (): void => fail(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const ssh = new NodeSSH();
  try {
    const serverHostKey = [...(await hostKeys.algorithms(to))];
    signal.throwIfAborted();
    patience.expect(timeoutMs, () => errors.silentFor(timeoutMs));
    const connecting = ssh.connect({
      ...{ host: to.host, port: to.port, username: to.user, algorithms: { serverHostKey } },
      ...KEEPALIVE,
      readyTimeout: 0,
      // Its declarations know of no stream that is written to as well.
      sock: stream as never,
      hostVerifier: (shown: Buffer, verify: (isRight: boolean) => void): void => {
        const isSame = key.isSame(shown);
        if (isSame !== undefined) verify(isSame);
        else key.show(shown).then(() => verify(true), fail);
      },
      authHandler: (offered, wasPart, next): void => {
        nextMethod(offered ?? undefined, wasPart === true).then(next, fail);
      },
    });
    const client = ssh.connection;
    if (!client) throw await connecting.catch((error) => error);
    connecting.catch(() => {});
    client.on('error', (error) => {
      const failure = errors.failureOf(error, stage);
      if (failure) fail(failure);
    });
    client.on('close', () => fail(errors.closed(stage)));
    client.on('change password', () =>
      fail(new HostFailure('permission-denied', 'the password has expired')),
    );
    // Does not set the stream going, which ssh2 holds until it is ready for it.
    stream.on('data', onHandshakeData);
    client.on('handshake', () => {
      stream.removeListener('data', onHandshakeData);
      key.proven();
      const withinMs = timeoutMs * LOGIN_FACTOR;
      patience.expect(
        withinMs,
        () => new HostFailure('silent', `no answer to the login for ${withinMs / 1000} s`),
      );
    });
    await unless(over.signal, new Promise<void>((resolve) => client.once('ready', resolve)));
    const fingerprint = key.fingerprint();
    stage.isIn = true;
    login.over(true);
    return {
      client,
      fingerprint,
      gone: over.signal,
      fail,
      async close() {
        ssh.dispose();
        await closedSoon();
        fail(new HostFailure('cut', 'closed by this side'));
      },
    };
  } catch (error) {
    login.over(false);
    fail(error);
    await closedSoon();
    throw error;
  } finally {
    patience.stop();
    signal.removeEventListener('abort', onAbort);
  }
}
