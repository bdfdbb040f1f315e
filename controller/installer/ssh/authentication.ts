import ssh2, { type AnyAuthMethod, type BaseAgent, type Prompt } from 'ssh2';
import { HostFailure } from '../failure.ts';
import type { Destination } from '../host.ts';
import type { Identity, Keyring } from './keyring.ts';
import type { Secrets, Trial } from './secrets.ts';

export interface Authentication {
  /**
   * What to try next. `offered`: the methods that the server still takes; undefined at the start. `wasPart`: it took the last one, and
   * wants another besides. Throws HostFailure: no-identity, permission-denied.
   */
  next(offered: readonly string[] | undefined, wasPart: boolean): Promise<AnyAuthMethod>;
  /** Whether it let us in at last. */
  over(isIn: boolean): void;
}

export interface AuthenticationPorts {
  readonly keyring: Keyring;
  readonly secrets: Secrets;
  /** Brackets what takes this side's time: an agent, a question to the operator. */
  thinking<T>(work: Promise<T>): Promise<T>;
}

/** One login, in ssh's order: keys, then a password, by whichever method the server wants it. */
export function authenticate(
  to: Destination,
  { keyring, secrets, thinking }: AuthenticationPorts,
): Authentication {
  const username = to.user;
  let keys: Iterator<Identity> | undefined;
  let keysTried = 0;
  let trial: Trial | undefined;
  let isOver = false;
  /** Keys that the server would have taken. */
  const unused: string[] = [];
  /** What became of the password, once it was wanted. */
  let password: 'tried' | 'none' | 'refused' | undefined;

  async function nextKey(): Promise<AnyAuthMethod | undefined> {
    keys ??= (await thinking(keyring.identities(to))).values();
    const { value, done } = keys.next();
    if (done) return undefined;
    keysTried += 1;
    const { from } = value;
    const sign: Identity['sign'] = (data, options) =>
      thinking(value.sign(data, options)).catch((error: Error) => {
        unused.push(`${from}: ${error.message}`);
        throw error;
      });
    return { type: 'agent', username, agent: agentOf({ ...value, sign }) };
  }

  async function byPassword(offered: readonly string[]): Promise<AnyAuthMethod | undefined> {
    const way = WAYS_OF_PASSWORD.find((one) => offered.includes(one));
    if (way === undefined || password !== undefined) return undefined;
    const begun = await thinking(secrets.password(username).begin(to.host));
    if (typeof begun === 'string') {
      password = begun;
      return undefined;
    }
    password = 'tried';
    // The operator may have taken longer than the connection lasted.
    if (isOver) begun.dropped();
    else trial = begun;
    const { value } = begun;
    return way === 'password'
      ? { type: way, username, password: value }
      : { type: way, username, prompt: answering(value) };
  }

  async function denied(offered: readonly string[]): Promise<HostFailure> {
    const isNothingTried = keysTried === 0 && password !== 'tried';
    const problems = await keyring.problems(to);
    const notes = problems.filter(({ isMissing }) => isNothingTried || !isMissing);
    const parts = [`(${offered.join(',')})`, ...unused, ...notes.map(({ sentence }) => sentence)];
    if (password === 'refused') parts.push('its password was refused by other hosts, and not tried here');
    return new HostFailure(isNothingTried ? 'no-identity' : 'permission-denied', parts.join('; '));
  }

  return {
    async next(offered, wasPart) {
      if (wasPart) trial?.worked();
      else trial?.refused();
      trial = undefined;
      const key = offered === undefined || offered.includes('publickey') ? await nextKey() : undefined;
      if (key) return key;
      // Only an answer says what the server would take.
      if (offered === undefined) return { type: 'none', username };
      const method = await byPassword(offered);
      if (method) return method;
      throw await denied(offered);
    },
    over(isIn) {
      isOver = true;
      if (isIn) trial?.worked();
      else trial?.dropped();
      trial = undefined;
    },
  };
}

const WAYS_OF_PASSWORD = ['password', 'keyboard-interactive'] as const;

/** What asks for something else than a password gets no answer. */
const OTHER_THAN_PASSWORD = /code|token|otp|verification|factor|new/i;

/** Answers one prompt, once. */
function answering(password: string) {
  let isAnswered = false;
  return (
    _name: string,
    _instructions: string,
    _language: string,
    prompts: Prompt[],
    finish: (answers: string[]) => void,
  ): void => {
    const [prompt] = prompts;
    const isPassword =
      prompts.length === 1 && prompt?.echo === false && !OTHER_THAN_PASSWORD.test(prompt.prompt);
    finish(isPassword && !isAnswered ? [password] : prompts.map(() => ''));
    isAnswered = true;
  };
}

/** As ssh2, which knows agents by their class, takes a single key. */
function agentOf(identity: Identity): BaseAgent {
  const one: BaseAgent = {
    getIdentities: (done) => done(null, [identity.key]),
    sign(
      _key: unknown,
      data: Buffer,
      options: unknown,
      done?: (error: Error | null, signature?: Buffer) => void,
    ) {
      identity.sign(data, options as { hash?: 'sha256' }).then(
        (signature) => done?.(null, signature),
        (error) => done?.(error),
      );
    },
  };
  return Object.assign(Object.create(ssh2.BaseAgent.prototype), one);
}
