import { HostFailure } from '../failure.ts';

interface Stage {
  /** Its host key was proven. */
  readonly isProven: boolean;
  /** It let us in. */
  readonly isIn: boolean;
}

const TOO_MANY_FAILURES = /too many authentication failures/i;

/** What ssh2's errors mean. */
export function sessionErrors() {
  let greeting = '';
  return {
    heard(text: string): void {
      greeting = text;
    },
    /** Undefined: it ends nothing. */
    failureOf(error: Error & { level?: string }, { isProven, isIn }: Stage): HostFailure | undefined {
      const { level, message } = error;
      const options = { cause: error };
      if (level === 'agent') return undefined;
      if (level === 'client-timeout') return new HostFailure('silent', 'no answer to keepalives', options);
      if (level === 'handshake') return new HostFailure('handshake', message, options);
      if (TOO_MANY_FAILURES.test(message))
        return new HostFailure('permission-denied', 'too many keys were tried: name one', options);
      if (isIn || isProven) return new HostFailure('cut', message, options);
      return new HostFailure('no-ssh', message, options);
    },
    closed({ isProven, isIn }: Stage): HostFailure {
      if (isIn) return new HostFailure('cut', 'closed by the other side');
      if (isProven) return new HostFailure('cut', 'closed during the login');
      return new HostFailure('no-ssh', greeting || 'it closed the connection at once');
    },
  };
}
