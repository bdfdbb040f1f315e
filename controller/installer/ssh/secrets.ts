/** What only the operator knows. */
export type Question =
  | { readonly kind: 'passphrase'; readonly file: string; readonly isAgain: boolean }
  /** Of this user, wherever it asks; `host` is the first that did. */
  | { readonly kind: 'password' | 'sudo-password'; readonly user: string; readonly host: string };

/** Each question is put once in a run. Undefined: the operator gives none, or is not to be asked. */
export type Ask = (question: Question, signal: AbortSignal) => Promise<string | undefined>;

/** One host's turn with a secret. Exactly one of its functions is called. */
export interface Trial {
  readonly value: string;
  worked(): void;
  refused(): void;
  /** Nobody knows: the connection broke before. */
  dropped(): void;
}

export interface SharedSecret {
  /** `none`: it was not given; `refused`: by so many hosts that it is not tried any more. */
  begin(host: string): Promise<Trial | 'none' | 'refused'>;
}

const MOST_REFUSALS = 3;

/**
 * A secret that many hosts ask for. Until one of them has taken it they try it one after the other, and after three refusals in a row no
 * more: a mistyped password must not lock an account that all of them look up at one place.
 */
export function sharedSecret(ask: (host: string) => Promise<string | undefined>): SharedSecret {
  let asked: Promise<string | undefined> | undefined;
  let isProven = false;
  let refusals = 0;
  let turn: Promise<void> = Promise.resolve();

  async function begin(host: string): Promise<Trial | 'none' | 'refused'> {
    let release = (): void => {};
    if (!isProven) {
      const before = turn;
      turn = new Promise((resolve) => {
        release = resolve;
      });
      await before;
    }
    if (isProven) release();
    if (!isProven && refusals >= MOST_REFUSALS) {
      release();
      return 'refused';
    }
    asked ??= ask(host);
    const value = await asked.catch(() => undefined);
    if (value === undefined) {
      release();
      return 'none';
    }
    return {
      value,
      worked() {
        isProven = true;
        release();
      },
      refused() {
        refusals += 1;
        release();
      },
      dropped: () => release(),
    };
  }
  return { begin };
}

export interface Secrets {
  password(user: string): SharedSecret;
  sudoPassword(user: string): SharedSecret;
}

export function createSecrets(ask: Ask, signal: AbortSignal): Secrets {
  const known = new Map<string, SharedSecret>();
  function of(kind: 'password' | 'sudo-password', user: string): SharedSecret {
    const key = `${kind} ${user}`;
    const secret = known.get(key) ?? sharedSecret((host) => ask({ kind, user, host }, signal));
    known.set(key, secret);
    return secret;
  }
  return {
    password: (user) => of('password', user),
    sudoPassword: (user) => of('sudo-password', user),
  };
}
