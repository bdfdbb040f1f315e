import { quoted } from '../../targeting/problem.ts';
import { readAddress } from '../inventory/address.ts';
import { splitWords } from '../inventory/words.ts';

export type Jumps = { readonly jumps: string[] } | { readonly problem: string };

/** `ProxyJump` as ssh has it: hosts with commas between them, `none` for no jump. */
export function readJumps(text: string): Jumps {
  if (text.toLowerCase() === 'none') return { jumps: [] };
  const jumps = text.split(',').map((jump) => jump.trim());
  for (const jump of jumps) {
    const read = readAddress(jump);
    if ('problem' in read) return { problem: `the jump ${quoted(jump)}: ${read.problem}` };
  }
  return { jumps };
}

/** `ssh -W %h:%p -q user@bastion`, which was the way to jump before ProxyJump, is one; no command is ever started. */
export function jumpsOfCommand(text: string): Jumps {
  if (text.toLowerCase() === 'none') return { jumps: [] };
  const refused = {
    problem: 'a ProxyCommand is not started here, but for "ssh -W %h:%p HOST"; use ProxyJump',
  };
  const split = splitWords(text);
  const [program = '', ...words] = 'problem' in split ? [] : split.words;
  if (!/^(?:\/usr\/bin\/)?ssh$/.test(program)) return refused;
  let forwards = false;
  let user: string | undefined;
  let port: string | undefined;
  let host: string | undefined;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const [, letter, attached] = /^-([Wlp])(.*)$/.exec(word) ?? [];
    if (/^-[46ACTaqxv]+$/.test(word)) continue;
    if (letter === undefined) {
      if (host !== undefined || word.startsWith('-')) return refused;
      host = word;
      continue;
    }
    const value = attached || (words[++at] ?? '');
    if (letter === 'l') user = value;
    else if (letter === 'p') port = value;
    else if (value === '%h:%p' || value === '[%h]:%p') forwards = true;
    else return refused;
  }
  if (!forwards || host === undefined) return refused;
  const whole = `${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}`;
  return readJumps(whole);
}
