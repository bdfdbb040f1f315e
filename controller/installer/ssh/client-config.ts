import { quoted } from '../../targeting/problem.ts';
import { patternsMatch, readPattern } from './pattern.ts';

/**
 * The operator's ssh_config, as OpenSSH reads it (ssh_config(5)): the first value of each keyword counts, blocks are taken or not in the moment
 * in which they are reached. Two things differ, both on the safe side: nothing is ever started (`Match exec` never holds), and an unknown
 * keyword is passed over. Pure: what Include names is read by a function that is given.
 */

export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

/** The files that an absolute pattern (glob(7)) names, in the order of their names; none is no error. */
export type ReadIncluded = (pattern: string) => Promise<readonly ConfigFile[]>;

export interface ClientConfig {
  readonly nodes: readonly Node[];
  /** `Match final` is somewhere: everything is gone through once more, with the host that was found. */
  readonly final: boolean;
  /** What was passed over, and where. */
  readonly notes: readonly string[];
}

type Node = Setting | Block;

export interface Setting {
  readonly keyword: string;
  /** Split as OpenSSH does, without a comment behind them. */
  readonly words: readonly string[];
  /** `file:line`. */
  readonly from: string;
}

interface Block {
  readonly holds: (host: Matching) => boolean;
  readonly body: Node[];
  readonly final?: boolean;
}

/** What a block is compared with. */
interface Matching {
  /** As Host sees it: what was asked for; in the final pass the name that it stands for. */
  readonly host: string;
  readonly originalHost: string;
  /** As it stands so far. */
  readonly hostName: string;
  readonly user: string;
  readonly localUser: string;
  readonly final: boolean;
}

/** The user's file counts more than the system's. `home` for relative includes and `~`. */
export async function readClientConfig(
  files: { readonly user: ConfigFile | undefined; readonly system: ConfigFile | undefined },
  home: string,
  readIncluded: ReadIncluded,
): Promise<ClientConfig> {
  const notes: string[] = [];
  const nodes: Node[] = [];
  const left = { files: MOST_FILES };
  for (const [file, folder] of [
    [files.user, `${home}/.ssh`],
    [files.system, '/etc/ssh'],
  ] as const) {
    if (file) nodes.push(...(await readNodes(file, { folder, home, readIncluded, notes, depth: 0, left })));
  }
  return { nodes, notes, final: hasFinal(nodes) };
}

const hasFinal = (nodes: readonly Node[]): boolean =>
  nodes.some((node) => 'body' in node && (node.final === true || hasFinal(node.body)));

interface Reading {
  readonly folder: string;
  readonly home: string;
  readonly readIncluded: ReadIncluded;
  readonly notes: string[];
  readonly depth: number;
  /** Files that may still be read: each may include others, and those again. */
  readonly left: { files: number };
}

const MOST_DEEP = 16;
const MOST_FILES = 1000;

/** What would change the way or the keys, and is told where it says more than nothing. */
const NOT_DONE: ReadonlyMap<string, RegExp> = new Map<string, RegExp>([
  ['addressfamily', /^inet/i],
  ['bindaddress', /./],
  ['bindinterface', /./],
  ['canonicalizehostname', /^(?:yes|always)$/i],
  ['certificatefile', /./],
  ['knownhostscommand', /^(?!none$)/i],
  ['pkcs11provider', /^(?!none$)/i],
  ['verifyhostkeydns', /^(?:yes|ask)$/i],
]);

async function readNodes({ path, text }: ConfigFile, reading: Reading): Promise<Node[]> {
  const nodes: Node[] = [];
  let into = nodes;
  for (const [index, line] of text.split('\n').entries()) {
    const from = `${path}:${index + 1}`;
    const note = (sentence: string): void => void reading.notes.push(`${from}: ${sentence}`);
    const read = readLine(line);
    if (read === undefined) continue;
    if ('problem' in read) {
      note(`not taken: ${read.problem}`);
      continue;
    }
    const { keyword, words } = read;
    if (keyword === 'host' || keyword === 'match') {
      const holds = keyword === 'host' ? hostCondition(words) : matchCondition(words, note);
      into = [];
      nodes.push({
        holds,
        body: into,
        final: keyword === 'match' && words.some((word) => /^!?final$/i.test(word)),
      });
    } else if (keyword === 'include') {
      if (reading.depth >= MOST_DEEP) note(`not taken: includes are nested more than ${MOST_DEEP} deep`);
      else into.push(...(await readIncludes(words, reading)));
    } else {
      if (NOT_DONE.get(keyword)?.test(words[0] ?? '')) note(`${quoted(keyword)} is not done here`);
      into.push({ keyword, words, from });
    }
  }
  return nodes;
}

async function readIncludes(patterns: readonly string[], reading: Reading): Promise<Node[]> {
  const nodes: Node[] = [];
  for (const pattern of patterns) {
    const absolute = pattern.startsWith('/')
      ? pattern
      : pattern.startsWith('~/')
        ? reading.home + pattern.slice(1)
        : `${reading.folder}/${pattern}`;
    for (const file of await reading.readIncluded(absolute)) {
      if (reading.left.files === 0)
        reading.notes.push(
          `${file.path}: not taken, nor those behind it: more than ${MOST_FILES} files are included`,
        );
      reading.left.files -= 1;
      if (reading.left.files < 0) return nodes;
      nodes.push(...(await readNodes(file, { ...reading, depth: reading.depth + 1 })));
    }
  }
  return nodes;
}

/** `keyword value…`, `keyword=value`. Undefined: nothing is on this line. */
function readLine(line: string): { keyword: string; words: string[] } | { problem: string } | undefined {
  const [, word, rest = ''] = /^[ \t]*([^ \t=#"][^ \t="]*)[ \t]*=?[ \t]*(.*?)[ \t\r\f]*$/s.exec(line) ?? [];
  if (word === undefined)
    return /^\s*(?:#.*)?$/s.test(line) ? undefined : { problem: 'expected a keyword and its value' };
  const keyword = word.toLowerCase();
  // Commands are for a shell, which splits them by itself; none is ever started.
  const words = keyword === 'proxycommand' ? [rest] : splitValue(rest);
  if (words === undefined) return { problem: 'a quote does not end' };
  if (words.length === 0 || (words[0] === '' && keyword === 'proxycommand'))
    return { problem: `${quoted(word)} has no value` };
  return { keyword, words };
}

/** OpenSSH's argv_split(): quotes of both kinds, a backslash before a quote, a backslash or a space, `#` at the start of a word. */
function splitValue(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    const next = text.charAt(at + 1);
    if (char === '\\' && (/["'\\]/.test(next) || (quote === '' && next === ' '))) {
      word = (word ?? '') + next;
      at++;
    } else if (quote === '' && /[ \t]/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (quote === '' && char === '#' && word === undefined) break;
    else if (char === quote) quote = '';
    else if (quote === '' && /["']/.test(char)) {
      quote = char;
      word ??= '';
    } else word = (word ?? '') + char;
  }
  if (quote !== '') return undefined;
  if (word !== undefined) words.push(word);
  return words;
}

function hostCondition(words: readonly string[]): (host: Matching) => boolean {
  const patterns = words.map(readPattern);
  return ({ host }) => patternsMatch(patterns, host);
}

/** Criteria that are not known here, or that start a program, never hold; so their blocks are passed over. */
function matchCondition(
  words: readonly string[],
  note: (sentence: string) => void,
): (host: Matching) => boolean {
  const conditions: ((host: Matching) => boolean)[] = [];
  const rest = words.flatMap((word) => word.split(/(?<=^!?[a-z]+)=/i));
  for (let at = 0; at < rest.length; at++) {
    const word = rest[at] ?? '';
    const negated = word.startsWith('!');
    const name = (negated ? word.slice(1) : word).toLowerCase();
    const alone = ALONE.get(name);
    const field = WITH_LIST.get(name);
    const list = alone ? undefined : rest[++at];
    if (alone) conditions.push((host) => alone(host) !== negated);
    else if (field && list !== undefined) {
      // As OpenSSH has it: patterns of hosts in lower case here, though not behind Host.
      const patterns = (name.endsWith('host') ? list.toLowerCase() : list).split(',').map(readPattern);
      conditions.push((host) => patternsMatch(patterns, host[field]) !== negated);
    } else {
      note(
        name === 'exec'
          ? 'this block is passed over: "Match exec" would start a program'
          : `this block is passed over: the criterion ${quoted(word)} is not known here`,
      );
      return () => false;
    }
  }
  return (host) => conditions.every((holds) => holds(host));
}

const ALONE: ReadonlyMap<string, (host: Matching) => boolean> = new Map<string, (host: Matching) => boolean>([
  ['all', () => true],
  ['canonical', ({ final }) => final],
  ['final', ({ final }) => final],
]);

const WITH_LIST: ReadonlyMap<string, 'hostName' | 'originalHost' | 'user' | 'localUser'> = new Map<
  string,
  'hostName' | 'originalHost' | 'user' | 'localUser'
>([
  ['host', 'hostName'],
  ['originalhost', 'originalHost'],
  ['user', 'user'],
  ['localuser', 'localUser'],
]);

/** What the files say of one host. ProxyJump and ProxyCommand are both `proxy`. */
export interface HostSettings {
  /** The first that was said of this keyword (in lower case). */
  get(keyword: string): Setting | undefined;
  /** All that was said, for the keywords of which each counts. */
  all(keyword: string): readonly Setting[];
}

/** `user`: as it was asked for, which counts more than any file. */
export function settingsFor(
  config: ClientConfig,
  asked: { readonly host: string; readonly user: string | undefined; readonly localUser: string },
): HostSettings {
  const found = new Map<string, Setting[]>();
  const first = (keyword: string): string | undefined => found.get(keyword)?.[0]?.words[0];
  const walk = (nodes: readonly Node[], final: boolean, host: string): void => {
    for (const node of nodes) {
      if ('body' in node) {
        const matching: Matching = {
          host,
          originalHost: asked.host,
          hostName: final ? host : (first('hostname')?.replace(/%h/g, asked.host) ?? asked.host),
          user: asked.user ?? first('user') ?? asked.localUser,
          localUser: asked.localUser,
          final,
        };
        if (node.holds(matching)) walk(node.body, final, host);
      } else {
        // Of these two the first counts, whichever it is.
        const key = /^proxy(?:jump|command)$/.test(node.keyword) ? 'proxy' : node.keyword;
        const before = found.get(key);
        if (before) before.push(node);
        else found.set(key, [node]);
      }
    }
  };
  walk(config.nodes, false, asked.host);
  if (config.final) {
    const host = first('hostname')?.replace(/%h/g, asked.host) ?? asked.host;
    // What was found out stands: HostName in the second pass comes too late.
    found.set('hostname', [{ keyword: 'hostname', words: [host.replaceAll('%', '%%')], from: 'HostName' }]);
    walk(config.nodes, true, host);
  }
  return { get: (keyword) => found.get(keyword)?.[0], all: (keyword) => found.get(keyword) ?? [] };
}
