import { quoted } from '../../targeting/problem.ts';
import { HostFailure } from '../failure.ts';
import type { Destination, HostEntry } from '../host.ts';
import { hostProblem, portOf, readAddress, userProblem } from '../inventory/address.ts';
import { type ClientConfig, type HostSettings, settingsFor } from './client-config.ts';
import { jumpsOfCommand, readJumps } from './proxy-jump.ts';

/** Who connects, and from where. */
export interface Operator {
  readonly user: string;
  readonly home: string;
  /** Of the environment; `SSH_AUTH_SOCK` and what `${NAME}` in a path stands for. */
  readonly variable: (name: string) => string | undefined;
}

/** What the command says of all hosts: more than ssh_config does, less than an entry of its own. */
export interface Flags {
  readonly user?: string | undefined;
  readonly port?: number | undefined;
  readonly identityFiles?: readonly string[] | undefined;
}

/** Tried where nothing names any, as ssh does. */
const USUAL_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'] as const;
const MOST_JUMPS = 8;

/** How an entry is reached. Throws HostFailure('bad-host') where the settings ask for what is not done here. */
export function destinationOf(
  entry: HostEntry,
  config: ClientConfig,
  operator: Operator,
  flags: Flags = {},
): Destination {
  const asked = {
    host: entry.host,
    user: entry.user ?? flags.user,
    port: entry.port ?? flags.port,
    identityFiles: [...entry.identityFiles, ...(flags.identityFiles ?? [])],
  };
  const settings = settingsFor(config, { ...asked, localUser: operator.user });
  const jumps = entry.proxyJump ?? jumpsOf(settings);
  return {
    ...reach(asked, settings, operator),
    jumps: jumps.length === 0 ? [] : resolveJumps(jumps, config, operator, [entry.host]),
  };
}

interface Asked {
  readonly host: string;
  readonly user: string | undefined;
  readonly port: number | undefined;
  readonly identityFiles: readonly string[];
}

/**
 * As ssh goes: the first jump is reached as its own settings say, perhaps through others; each that follows through the one before it. What the
 * command says of users and keys is of the hosts and not of the jumps.
 */
function resolveJumps(
  jumps: readonly string[],
  config: ClientConfig,
  operator: Operator,
  trail: readonly string[],
): Destination[] {
  const resolved: Destination[] = [];
  for (const [index, jump] of jumps.entries()) {
    const read = readAddress(jump);
    if ('problem' in read) throw new HostFailure('bad-host', `the jump ${quoted(jump)}: ${read.problem}`);
    const asked = { ...read.address, identityFiles: [] };
    if (index === 0 && (trail.includes(asked.host) || trail.length > MOST_JUMPS))
      throw new HostFailure(
        'bad-host',
        `ProxyJump goes in a circle: ${[...trail, asked.host].map(quoted).join(', ')}`,
      );
    const settings = settingsFor(config, { ...asked, localUser: operator.user });
    const before = index === 0 ? jumpsOf(settings) : [];
    if (before.length > 0) resolved.push(...resolveJumps(before, config, operator, [...trail, asked.host]));
    resolved.push({ ...reach(asked, settings, operator), jumps: [] });
  }
  return resolved;
}

function jumpsOf(settings: HostSettings): readonly string[] {
  const proxy = settings.get('proxy');
  if (proxy === undefined) return [];
  const text = proxy.words[0] ?? '';
  const read = proxy.keyword === 'proxyjump' ? readJumps(text) : jumpsOfCommand(text);
  if ('jumps' in read) return read.jumps;
  throw new HostFailure('bad-host', `${proxy.from}: ${read.problem}`);
}

function reach(asked: Asked, settings: HostSettings, operator: Operator): Omit<Destination, 'jumps'> {
  const checked = (keyword: string, problemOf: (text: string) => string | undefined): string | undefined => {
    const setting = settings.get(keyword);
    const text = setting?.words[0];
    if (setting === undefined || text === undefined) return undefined;
    const filled = keyword === 'hostname' ? fill(text, { h: asked.host }, setting.from) : text;
    const problem = problemOf(filled);
    if (problem !== undefined) throw new HostFailure('bad-host', `${setting.from}: ${problem}`);
    return filled;
  };
  const host = checked('hostname', hostProblem) ?? asked.host;
  const user = asked.user ?? checked('user', userProblem) ?? operator.user;
  const portText = checked('port', (text) => (portOf(text) ? undefined : `${quoted(text)} is no port`));
  const port = asked.port ?? portOf(portText ?? '') ?? 22;
  const tokens = { d: operator.home, h: host, n: asked.host, p: String(port), r: user, u: operator.user };
  const path = (text: string, from: string): string =>
    fill(text.replace(/^~(?=\/)/, operator.home), tokens, from, operator.variable);

  const named = settings
    .all('identityfile')
    .flatMap(({ words, from }) =>
      words.slice(0, 1).map((text) => (text.toLowerCase() === 'none' ? 'none' : path(text, from))),
    );
  const own = asked.identityFiles.map((text) => path(text, 'a key that was named'));
  const usual = USUAL_KEYS.map((name) => `${operator.home}/.ssh/${name}`);
  const identityFiles =
    [...own, ...named].length === 0 ? usual : [...own, ...named].filter((text) => text !== 'none');
  const filesOf = (keyword: string, otherwise: readonly string[]): string[] => {
    const setting = settings.get(keyword);
    const words = setting?.words.filter((word) => word.toLowerCase() !== 'none') ?? otherwise;
    return words.map((word) => path(word, setting?.from ?? ''));
  };
  return {
    name: asked.host,
    host,
    port,
    user,
    identityFiles: [...new Set(identityFiles)],
    identitiesOnly: isYes(settings, 'identitiesonly'),
    identityAgent: agentOf(settings, operator, path),
    hostKeyAlias: settings.get('hostkeyalias')?.words[0],
    userKnownHostsFiles: filesOf('userknownhostsfile', ['~/.ssh/known_hosts', '~/.ssh/known_hosts2']),
    globalKnownHostsFiles: filesOf('globalknownhostsfile', [
      '/etc/ssh/ssh_known_hosts',
      '/etc/ssh/ssh_known_hosts2',
    ]),
    strictHostKeys: isYes(settings, 'stricthostkeychecking'),
    hashKnownHosts: isYes(settings, 'hashknownhosts'),
    connectTimeoutMs: timeoutOf(settings),
  };
}

function agentOf(
  settings: HostSettings,
  { variable }: Operator,
  path: (text: string, from: string) => string,
): string | undefined {
  const setting = settings.get('identityagent');
  const text = setting?.words[0];
  if (setting === undefined || text === undefined || text === 'SSH_AUTH_SOCK') return undefined;
  if (text.toLowerCase() === 'none') return 'none';
  // ssh's own way to name a variable here, without braces.
  return /^\$\w/.test(text) ? variable(text.slice(1)) : path(text, setting.from);
}

const isYes = (settings: HostSettings, keyword: string): boolean =>
  /^(?:yes|true)$/i.test(settings.get(keyword)?.words[0] ?? '');

function timeoutOf(settings: HostSettings): number | undefined {
  const seconds = /^\d{1,6}$/.exec(settings.get('connecttimeout')?.words[0] ?? '')?.[0];
  return seconds === undefined || Number(seconds) === 0 ? undefined : Number(seconds) * 1000;
}

/** `%h` and the like, and `${NAME}` where `variable` is given. */
function fill(
  text: string,
  tokens: Readonly<Record<string, string>>,
  from: string,
  variable?: (name: string) => string | undefined,
): string {
  return text.replace(/%(.?)|\$\{(\w+)\}/gs, (whole, token: string | undefined, name: string | undefined) => {
    if (name !== undefined) {
      if (variable === undefined) return whole;
      const value = variable(name);
      if (value !== undefined) return value;
      throw new HostFailure('bad-host', `${from}: the environment has no ${name}`);
    }
    const value = token === '%' ? '%' : tokens[token ?? ''];
    if (value !== undefined) return value;
    throw new HostFailure('bad-host', `${from}: ${quoted(whole)} is not known here`);
  });
}
