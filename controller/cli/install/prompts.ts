import { EXIT, Failure } from '../failure.ts';
import type { Surroundings } from '../surroundings.ts';

/** Questions to whoever sits at the terminal, one at a time, while hosts are being worked on. */
export interface Prompts {
  /** Undefined: nobody is there, or nobody wants to answer. */
  secret(question: string): Promise<string | undefined>;
  /** False without an answer. */
  confirm(about: string, question: string): Promise<boolean>;
}

export interface PromptsParts {
  readonly surroundings: Pick<Surroundings, 'ask' | 'stdin' | 'stderr'>;
  /** Has the display leave the terminal until the returned function is called. */
  hold(): () => void;
  /** Ctrl-C in place of an answer. */
  interrupted(): void;
}

export function createPrompts({ surroundings, hold, interrupted }: PromptsParts): Prompts {
  const { stdin, stderr } = surroundings;
  let turn: Promise<unknown> = Promise.resolve();
  /** Who pressed Ctrl-C at one question is asked no other. */
  let left = false;

  function ask(about: string, question: string, hidden: boolean): Promise<string | undefined> {
    const mine = turn.then(async () => {
      if (left || !stdin.isTerminal || !stderr.isTerminal) return undefined;
      const release = hold();
      try {
        if (about !== '') stderr.write(`${about}\n`);
        return await surroundings.ask(question, { hidden });
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        left = true;
        if (error.exit === EXIT.detached) interrupted();
        return undefined;
      } finally {
        release();
      }
    });
    turn = mine.catch(() => {});
    return mine;
  }

  return {
    secret: (question) => ask('', question, true),
    confirm: async (about, question) => /^y(es)?$/i.test(((await ask(about, question, false)) ?? '').trim()),
  };
}
