import type { Duplex } from 'node:stream';
import { NodeSSH } from 'node-ssh';
import type { AnyAuthMethod, Client } from 'ssh2';
import type { Clock } from '../../../proto/clock.ts';
import { HostFailure } from '../failure.ts';
import type { Destination } from '../host.ts';
import { authenticate } from './authentication.ts';
import type { HostKeyAlgorithm, HostKeys } from './host-keys.ts';
import type { Keyring } from './keyring.ts';
import { fingerprintOf } from './known-hosts.ts';
import type { Secrets } from './secrets.ts';
import { sessionErrors } from './session-errors.ts';

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
  const serverHostKey = await prepare();
  const errors = sessionErrors();
  const login = authenticate(to, { keyring, secrets, thinking });
  let shown: Buffer | undefined;
  let remember: (() => Promise<void>) | undefined;
  let isProven = false;
  let stopWaiting = (): void => {};
  let waitAgain = (): void => {};

  async function prepare(): Promise<readonly HostKeyAlgorithm[]> {
    try {
      const algorithms = await hostKeys.algorithms(to);
      signal.throwIfAborted();
      return algorithms;
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }
  function fail(failure: unknown): void {
    stopWaiting();
    if (!over.signal.aborted) over.abort(failure);
    stream.destroy();
  }
  /** From now on the host has so long to go on. */
  function expect(what: () => HostFailure, withinMs: number): void {
    waitAgain = () => {
      stopWaiting();
      stopWaiting = clock.after(withinMs, () => fail(what()));
    };
    waitAgain();
  }
  async function thinking<T>(work: Promise<T>): Promise<T> {
    stopWaiting();
    onThinking(work);
    try {
      return await work;
    } finally {
      if (!over.signal.aborted) waitAgain();
    }
  }
  async function attempt(offered: readonly string[] | undefined, wasPart: boolean): Promise<AnyAuthMethod> {
    // Nothing of ours is for a host whose key is not proven; what is remembered is a key that was.
    if (!isProven) throw new HostFailure('handshake', 'a login before its key was proven');
    const doing = remember;
    remember = undefined;
    await thinking(doing?.() ?? Promise.resolve());
    return login.next(offered, wasPart);
  }

  /** A stream through a jump that says nothing any more is never closed by it. */
  function closedSoon(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(CLOSE_MS, resolve);
      closed.then(() => {
        cancel();
        resolve();
      });
    });
  }

  const onAbort = (): void => fail(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const ssh = new NodeSSH();
  expect(() => errors.silentFor(timeoutMs), timeoutMs);
  const connecting = ssh.connect({
    host: to.host,
    port: to.port,
    username: to.user,
    sock: stream as never,
    algorithms: { serverHostKey: [...serverHostKey] },
    ...KEEPALIVE,
    readyTimeout: 0,
    hostVerifier(key: Buffer, verify: (isRight: boolean) => void): void {
      // Keys are exchanged again every now and then.
      if (shown) return verify(shown.equals(key));
      shown = key;
      thinking(hostKeys.judge(to, key, signal)).then(
        (then) => {
          remember = then;
          verify(true);
        },
        (failure) => {
          fail(failure);
          verify(false);
        },
      );
    },
    authHandler(offered, wasPart, next): void {
      attempt(offered ?? undefined, wasPart === true).then(next, fail);
    },
  });
  const client = ssh.connection;
  if (!client) throw await connecting.catch((error) => error);
  connecting.catch(() => {});

  client.on('error', (error) => {
    const failure = errors.failureOf(error, { isProven, isIn });
    if (failure) fail(failure);
  });
  // Does not set the stream going, which ssh2 holds until it is ready for it.
  stream.on('data', errors.heard);
  client.on('close', () => fail(errors.closed({ isProven, isIn })));
  client.on('change password', () => fail(new HostFailure('permission-denied', 'the password has expired')));
  client.on('handshake', () => {
    isProven = true;
    stream.removeListener('data', errors.heard);
    const withinMs = timeoutMs * LOGIN_FACTOR;
    expect(() => new HostFailure('silent', `no answer to the login for ${withinMs / 1000} s`), withinMs);
  });
  let isIn = false;
  try {
    await new Promise<void>((resolve, reject) => {
      over.signal.addEventListener('abort', () => reject(over.signal.reason), { once: true });
      if (over.signal.aborted) reject(over.signal.reason);
      client.once('ready', resolve);
    });
    isIn = true;
    login.over(true);
    if (!isProven || !shown) throw new HostFailure('handshake', 'it let us in before its key was proven');
  } catch (error) {
    login.over(false);
    fail(error);
    await closedSoon();
    throw error;
  } finally {
    stopWaiting();
    signal.removeEventListener('abort', onAbort);
  }
  return {
    client,
    fingerprint: fingerprintOf(shown),
    gone: over.signal,
    fail,
    async close() {
      ssh.dispose();
      await closedSoon();
      fail(new HostFailure('cut', 'closed by this side'));
    },
  };
}
