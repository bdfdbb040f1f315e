import { quoted } from '../../targeting/problem.ts';
import { jumpsOfCommand, readJumps } from '../ssh/proxy-jump.ts';
import type { Variables } from './ansible.ts';
import { splitWords } from './words.ts';

/** What Ansible hands to its ssh, in the order in which ssh reads it: of what is said twice the first counts. */
const NAMES = ['ansible_ssh_args', 'ansible_ssh_common_args', 'ansible_ssh_extra_args'] as const;

export interface SshArguments {
  readonly identityFiles: string[];
  readonly proxyJump: readonly string[] | undefined;
}

/**
 * The arguments that change the way to a host: jumps and keys are taken; what would only tune the connection is left aside; what checks less
 * is left aside with a note; all else is refused, since the way would be another one.
 */
export function readSshArguments(
  textOf: (name: string) => string | undefined,
  refuse: (from: string, message: string) => void,
  note: (from: string, sentence: string) => void,
  variables: Variables,
): SshArguments {
  const identityFiles: string[] = [];
  let proxyJump: readonly string[] | undefined;
  for (const name of NAMES) {
    const from = variables.get(name)?.from;
    const text = from === undefined ? undefined : textOf(name);
    if (from === undefined || text === undefined) continue;
    const split = splitWords(text);
    if ('problem' in split) {
      refuse(from, `${name}: ${split.problem}`);
      continue;
    }
    for (const option of optionsOf(split.words)) {
      if ('unknown' in option) {
        refuse(
          from,
          `${name}: ${quoted(option.unknown)} is not known here; say it in ~/.ssh/config, which is read`,
        );
        continue;
      }
      const { key, value } = option;
      if (key === 'identityfile') identityFiles.push(value);
      else if (key === 'proxyjump' || key === 'proxycommand') {
        const jumps = key === 'proxyjump' ? readJumps(value) : jumpsOfCommand(value);
        if ('problem' in jumps) refuse(from, `${name}: ${jumps.problem}`);
        else proxyJump ??= jumps.jumps;
      } else if (WEAKER.has(key))
        note(from, 'ssh is not told to check host keys less; they are checked as --host-key-policy says');
      else if (!TUNING.has(key))
        refuse(
          from,
          `${name}: ${quoted(key)} is not taken from here; say it in ~/.ssh/config, which is read`,
        );
    }
  }
  return { identityFiles, proxyJump };
}

const WEAKER: ReadonlySet<string> = new Set([
  'stricthostkeychecking',
  'userknownhostsfile',
  'globalknownhostsfile',
  'updatehostkeys',
]);

const TUNING: ReadonlySet<string> = new Set(
  [
    'addkeystoagent batchmode checkhostip compression connectionattempts connecttimeout controlmaster controlpath controlpersist',
    'escapechar forwardagent forwardx11 gssapiauthentication gssapidelegatecredentials hashknownhosts identitiesonly ipqos',
    'kbdinteractiveauthentication loglevel numberofpasswordprompts passwordauthentication preferredauthentications',
    'pubkeyauthentication requesttty serveralivecountmax serveraliveinterval tcpkeepalive visualhostkey',
  ].flatMap((line) => line.split(' ')),
);

const WITH_VALUE: Readonly<Record<string, string>> = { J: 'proxyjump', i: 'identityfile' };

type Option = { readonly key: string; readonly value: string } | { readonly unknown: string };

/** Keys in lower case. Flags that only tune (`-C`, `-q`, `-4`) are dropped. */
function optionsOf(words: readonly string[]): Option[] {
  const options: Option[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const [, letter = '', attached = ''] = /^-([A-Za-z0-9])(.*)$/s.exec(word) ?? [];
    if (/^-[46ACTaqtvxkK]+$/.test(word)) continue;
    const value = attached === '' ? (words[++at] ?? '') : attached;
    if (letter === 'o') {
      const [, key, rest] = /^\s*([A-Za-z0-9]+)\s*[=\s]\s*(.*)$/s.exec(value) ?? [];
      options.push(
        key === undefined || rest === undefined
          ? { unknown: word }
          : { key: key.toLowerCase(), value: unquote(rest) },
      );
    } else {
      const key = WITH_VALUE[letter];
      options.push(key === undefined ? { unknown: word } : { key, value });
    }
  }
  return options;
}

const unquote = (text: string): string => /^"([^"]*)"$/.exec(text)?.[1] ?? text;
