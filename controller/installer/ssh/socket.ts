import { connect, type Socket } from 'node:net';
import type { Clock } from '../../../proto/clock.ts';
import { HostFailure } from '../failure.ts';

/** Opens a TCP connection. Throws HostFailure: name-unknown, unreachable. */
export function openSocket(
  host: string,
  port: number,
  { clock, timeoutMs, signal }: { clock: Clock; timeoutMs: number; signal: AbortSignal },
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    // The addresses of a name are tried one after the other, as ssh does, and a far one is given more than Node's 250 ms.
    const socket = connect({
      ...{ host, port },
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: Math.max(250, Math.round(timeoutMs / 3)),
    });
    function settle(): void {
      cancel();
      signal.removeEventListener('abort', onAbort);
    }
    function fail(reason: unknown): void {
      settle();
      socket.on('error', () => {});
      socket.destroy();
      reject(reason);
    }
    const onAbort = (): void => fail(signal.reason);
    const cancel = clock.after(timeoutMs, () =>
      fail(new HostFailure('unreachable', `timed out after ${timeoutMs / 1000} s`)),
    );
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('error', (error) => fail(socketFailure(error, host, port)));
    socket.once('connect', () => {
      settle();
      socket.setNoDelay(true);
      resolve(socket);
    });
  });
}

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to its network',
  ETIMEDOUT: 'timed out',
  ECONNRESET: 'reset by the other side',
};

export function socketFailure(error: Error, host: string, port: number): HostFailure {
  // Of several addresses that were tried, the last one tells.
  const errors = error instanceof AggregateError ? error.errors : [error];
  const { code = '', message } = (errors.at(-1) ?? error) as NodeJS.ErrnoException;
  if (code === 'ENOTFOUND') return new HostFailure('name-unknown', host);
  if (code === 'EAI_AGAIN') return new HostFailure('name-unknown', `${host}: no answer from DNS`);
  // The same words for all hosts, which are told together.
  return new HostFailure('unreachable', `port ${port}: ${REASONS[code] ?? message}`, { cause: error });
}
