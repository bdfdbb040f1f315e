import type { Ask } from '../../installer/ssh/secrets.ts';
import { sanitiseLine } from '../output/sanitise.ts';
import type { Prompts } from './prompts.ts';
import type { Passwords } from './secrets.ts';

/** Passphrases come from whoever sits at the terminal; passwords are those that were given before the first host. */
export function createAsk(prompts: Prompts, passwords: Passwords): Ask {
  return async (question) => {
    switch (question.kind) {
      case 'password':
        return passwords.login;
      case 'sudo-password':
        return passwords.sudo;
      case 'passphrase': {
        const again = question.isAgain ? 'That was not it. ' : '';
        return prompts.secret(`${again}Passphrase for ${sanitiseLine(question.file)}: `);
      }
    }
  };
}
