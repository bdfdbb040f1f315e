import type { Ask, Question } from '../../installer/ssh/secrets.ts';
import { sanitiseLine } from '../output/sanitise.ts';
import type { Prompts } from './prompts.ts';
import type { Passwords } from './secrets.ts';

/**
 * Answers what connections ask for. Passphrases come from whoever sits at the terminal, each asked once for all hosts; passwords are
 * those that were given before the first host, and are tried once: a second try with the same one locks accounts.
 */
export function createAsk(prompts: Prompts, passwords: Passwords): Ask {
  const asked = new Map<string, Promise<string | undefined>>();
  return async (question) => {
    switch (question.kind) {
      case 'password':
        return passwords.login;
      case 'sudo-password':
        return passwords.sudo;
      case 'passphrase': {
        // A wrong answer is no answer to the next question.
        if (question.isAgain) return prompts.secret(sentenceOf(question));
        const known = asked.get(question.file) ?? prompts.secret(sentenceOf(question));
        asked.set(question.file, known);
        return known;
      }
    }
  };
}

const sentenceOf = ({ file, isAgain }: Question & { kind: 'passphrase' }): string =>
  `${isAgain ? 'That was not it. ' : ''}Passphrase for ${sanitiseLine(file)}: `;
