import ssh2, { type AnyAuthMethod, type BaseAgent } from 'ssh2';
import { HostFailure } from '../failure.ts';
import type { Destination } from '../host.ts';
import type { Identity, Keyring } from './keyring.ts';

export interface Authentication {
  /**
   * What to try next. `offered`: the methods that the server still takes; undefined at the start. Throws HostFailure: no-identity,
   * permission-denied.
   */
  next(offered: readonly string[] | undefined): Promise<AnyAuthMethod>;
}

/** One login. `thinking` brackets what takes this side's time: an agent, a question to the operator. */
export function authenticate(
  to: Destination,
  keyring: Keyring,
  thinking: <T>(work: Promise<T>) => Promise<T>,
): Authentication {
  let keys: Iterator<Identity> | undefined;
  let tried = 0;

  return {
    async next(offered) {
      keys ??= (await thinking(keyring.identities(to))).values();
      if (offered === undefined || offered.includes('publickey')) {
        const { value, done } = keys.next();
        if (!done) {
          tried += 1;
          return { type: 'agent', username: to.user, agent: agentOf(value, thinking) };
        }
      }
      // Only an answer says what the server would take.
      if (offered === undefined) return { type: 'none', username: to.user };
      if (tried === 0 && offered.includes('publickey'))
        throw new HostFailure('no-identity', (await keyring.notes(to)).join('; '));
      throw new HostFailure('permission-denied', offered.join(','));
    },
  };
}

/** As ssh2, which knows agents by their class, takes a single key. */
function agentOf(identity: Identity, thinking: <T>(work: Promise<T>) => Promise<T>): BaseAgent {
  const one: BaseAgent = {
    getIdentities: (done) => done(null, [identity.key]),
    sign(
      _key: unknown,
      data: Buffer,
      options: unknown,
      done?: (error: Error | null, signature?: Buffer) => void,
    ) {
      thinking(identity.sign(data, options as { hash?: 'sha256' })).then(
        (signature) => done?.(null, signature),
        (error) => done?.(error),
      );
    },
  };
  return Object.assign(Object.create(ssh2.BaseAgent.prototype), one);
}
