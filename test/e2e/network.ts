/** Network namespaces of a test's own: one for the controller, one for each agent, joined by veth pairs. Needs root and iproute2. */
import { execFileSync } from 'node:child_process';

export interface Network {
  /** Of the controller, in its namespace; all others reach it. */
  readonly host: string;
  /** What a program is started by, to be in there. */
  readonly controllerBy: readonly string[];
  agentBy(name: string): readonly string[];
  /** Of each packet in both directions, by chance. */
  lose(name: string, percent: number): void;
  /** Nothing passes any more and nobody is told: a half-open link. */
  swallow(name: string): void;
  /** Pulls the cable. */
  cut(name: string): void;
  /** Ends whatever was done to the way of this agent. */
  mend(name: string): void;
}

const HOST = '10.77.0.1';
let networks = 0;

export function createNetwork(t: { after(fn: () => unknown): void }, agents: readonly string[]): Network {
  const prefix = `muster-${process.pid}-${networks++}-`;
  const ip = (...words: string[]): string => execFileSync('ip', words, { stdio: 'pipe' }).toString();
  const named = (name: string): string => `${prefix}${name}`;
  const made: string[] = [];
  t.after(() => {
    for (const name of made) ip('netns', 'del', name);
  });
  const add = (name: string): string => {
    ip('netns', 'add', name);
    made.push(name);
    ip('-n', name, 'link', 'set', 'lo', 'up');
    return name;
  };
  const controller = add(named('controller'));
  ip('-n', controller, 'addr', 'add', `${HOST}/32`, 'dev', 'lo');
  const portOf = (name: string): string => `to-${agents.indexOf(name)}`;
  for (const [index, name] of agents.entries()) {
    const space = add(named(name));
    const subnet = `10.77.${index + 1}`;
    ip(
      'link',
      'add',
      'veth0',
      'netns',
      space,
      'type',
      'veth',
      'peer',
      'name',
      portOf(name),
      'netns',
      controller,
    );
    ip('-n', space, 'addr', 'add', `${subnet}.2/24`, 'dev', 'veth0');
    ip('-n', controller, 'addr', 'add', `${subnet}.1/24`, 'dev', portOf(name));
    ip('-n', space, 'link', 'set', 'veth0', 'up');
    ip('-n', controller, 'link', 'set', portOf(name), 'up');
    ip('-n', space, 'route', 'add', 'default', 'via', `${subnet}.1`);
  }

  function filter(name: string, rule: string): void {
    const hook = (chain: string): string =>
      `chain ${chain} { type filter hook ${chain} priority 0\n${rule}\n}\n`;
    const input = `table inet muster {\n${hook('input')}${hook('output')}}\n`;
    execFileSync('ip', ['netns', 'exec', named(name), 'nft', '-f', '-'], { input, stdio: 'pipe' });
  }

  return {
    host: HOST,
    controllerBy: ['ip', 'netns', 'exec', controller],
    agentBy: (name) => ['ip', 'netns', 'exec', named(name)],
    lose: (name, percent) => filter(name, `numgen random mod 100 < ${percent} drop`),
    swallow: (name) => filter(name, 'drop'),
    cut: (name) => void ip('-n', controller, 'link', 'set', portOf(name), 'down'),
    mend(name) {
      ip('-n', controller, 'link', 'set', portOf(name), 'up');
      execFileSync('ip', ['netns', 'exec', named(name), 'nft', 'flush', 'ruleset'], { stdio: 'pipe' });
    },
  };
}
