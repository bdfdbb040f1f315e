import { HostFailure } from '../failure.ts';
import { lastLine } from './told.ts';

interface Stage {
  /** Whether its host key was proven. */
  isProven(): boolean;
  /** It let us in. */
  readonly isIn: boolean;
}

const TOO_MANY_FAILURES = /too many authentication failures/i;

const HEARD_BYTES = 400;
/** A greeting, and two lists of algorithms with their keys. */
const HANDSHAKE_BYTES = 256 * 1024;
const CLOSED = 'it closed the connection at once';
const BY_OTHER = 'closed by the other side';
/** Whether it is noticed while reading or writing is chance. */
const CLOSINGS = /\b(?:ECONNRESET|EPIPE)\b/;

/** What ssh2's errors mean. */
export function sessionErrors() {
  let heard = '';
  let bytes = 0;
  const first = (): string => {
    const line = lastLine(heard);
    return line === '' || line.startsWith('SSH-') ? '' : `it says "${line}"`;
  };
  return {
    /** What comes before the keys are agreed on. A failure where that is without end, which ssh2 would read for ever. */
    heard(chunk: Buffer): HostFailure | undefined {
      if (heard.length < HEARD_BYTES) heard += chunk.subarray(0, HEARD_BYTES).toString('latin1');
      bytes += chunk.length;
      return bytes > HANDSHAKE_BYTES
        ? new HostFailure('no-ssh', first() || 'it talks without end')
        : undefined;
    },
    silentFor: (ms: number): HostFailure =>
      new HostFailure('no-ssh', first() || `it says nothing for ${ms / 1000} s`),
    /** Undefined: it ends nothing. */
    failureOf(error: Error & { level?: string }, { isProven, isIn }: Stage): HostFailure | undefined {
      const { level } = error;
      // A server words some of them.
      const message = lastLine(error.message);
      const options = { cause: error };
      const isLost = message === 'Connection lost before handshake';
      if (level === 'agent') return undefined;
      if (level === 'client-timeout') return new HostFailure('silent', 'no answer to keepalives', options);
      if (level === 'handshake') return new HostFailure('handshake', message, options);
      if (TOO_MANY_FAILURES.test(message))
        return new HostFailure('permission-denied', 'too many keys were tried: name one', options);
      if (isIn || isProven())
        return new HostFailure('cut', CLOSINGS.test(message) ? BY_OTHER : message, options);
      return new HostFailure('no-ssh', first() || (isLost ? CLOSED : message), options);
    },
    closed({ isProven, isIn }: Stage): HostFailure {
      if (isIn) return new HostFailure('cut', BY_OTHER);
      if (isProven()) return new HostFailure('cut', 'closed during the login');
      return new HostFailure('no-ssh', first() || CLOSED);
    },
  };
}
