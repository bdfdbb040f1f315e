/** What only the operator knows. Whoever asks makes sure that each is asked once in a run, and one at a time. */
export type Question =
  | { readonly kind: 'passphrase'; readonly file: string; readonly isAgain: boolean }
  | { readonly kind: 'password'; readonly user: string; readonly host: string; readonly isAgain: boolean }
  | {
      readonly kind: 'sudo-password';
      readonly user: string;
      readonly host: string;
      readonly isAgain: boolean;
    };

/** Undefined: the operator gives none, or is not to be asked. */
export type Ask = (question: Question, signal: AbortSignal) => Promise<string | undefined>;
