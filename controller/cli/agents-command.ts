import { labelProblem } from '../../proto/name.ts';
import type { AgentDetail, AgentSummary, Labels } from '../api/contract.ts';
import { formatDuration } from './duration.ts';
import { EXIT, wrongUse } from './failure.ts';
import { paintFor } from './output/paint.ts';
import { jsonLine, sanitiseLine } from './output/sanitise.ts';
import { renderProperties, renderTable } from './output/table.ts';
import { formatTime } from './output/time.ts';
import { readSelection, type TargetOptions } from './selection.ts';
import type { Surroundings } from './surroundings.ts';
import { withClient } from './with-client.ts';

interface Json {
  json?: boolean;
}

export function ls(
  surroundings: Surroundings,
  options: Json & Pick<TargetOptions, 'targets' | 'selector'>,
): Promise<number> {
  return withClient(surroundings, async (client) => {
    const { targets, selector } = await readSelection(surroundings, options);
    const query = {
      ...(targets === undefined ? {} : { targets }),
      ...(selector === undefined ? {} : { selector }),
    };
    const agents = await client.call('agents.list', { query });
    const { stdout, stderr, env } = surroundings;
    if (options.json) stdout.write(`${jsonLine(agents)}\n`);
    else if (agents.length === 0 && targets === undefined && selector === undefined)
      stderr.write('muster: no agent has joined yet; "muster install HOST" brings agents to machines\n');
    else
      stdout.write(
        renderTable(
          HEAD,
          agents.map((agent) => row(agent, surroundings)),
          paintFor(stdout.isTerminal, env),
        ),
      );
    return EXIT.ok;
  });
}

const HEAD = ['NAME', 'STATE', 'SEEN', 'OS', 'AGENT', 'LABELS'];

function row(agent: AgentSummary, { clock }: Surroundings): string[] {
  const seen = agent.online ? 'now' : seenAgo(agent, clock.now());
  return [
    agent.name,
    stateOf(agent),
    seen,
    agent.os ?? '',
    agent.agentVersion ?? '',
    renderLabels(agent.labels),
  ];
}

/** What keeps an agent from work is said before whether it is there. */
function stateOf({ state, online }: AgentSummary): string {
  if (state !== 'active') return state;
  return online ? 'online' : 'offline';
}

function seenAgo({ lastSeenMs }: AgentSummary, nowMs: number): string {
  return lastSeenMs === null ? 'never' : `${formatDuration(Math.max(0, nowMs - lastSeenMs))} ago`;
}

export function renderLabels(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',');
}

export function show(surroundings: Surroundings, name: string, options: Json): Promise<number> {
  return withClient(surroundings, async (client) => {
    const agent = await client.call('agents.show', { params: { agent: name } });
    const { stdout, env } = surroundings;
    const text = (): string => renderProperties(propertiesOf(agent), paintFor(stdout.isTerminal, env));
    stdout.write(options.json ? `${jsonLine(agent)}\n` : text());
    return EXIT.ok;
  });
}

function propertiesOf(agent: AgentDetail): [string, string][] {
  const time = (atMs: number | null, otherwise: string): string =>
    atMs === null ? otherwise : formatTime(atMs);
  const skew = agent.clockSkewMs;
  const claims: [string, string][] =
    Object.keys(agent.claims).length === 0 ? [] : [['claims', renderLabels(agent.claims)]];
  return [
    ['name', agent.name],
    ['id', agent.id],
    ['state', stateOf(agent)],
    ['labels', renderLabels(agent.labels)],
    ...claims,
    ['key', agent.keyId],
    ['host name', agent.hostname ?? ''],
    ['address', agent.address ?? ''],
    ['system', [agent.os, agent.arch].filter((part) => part !== null).join(', ')],
    ['agent', agent.agentVersion ?? ''],
    ['joined', formatTime(agent.enrolledAtMs)],
    agent.online
      ? ['online since', time(agent.onlineSinceMs, '')]
      : ['offline since', time(agent.lastSeenMs, 'it never connected')],
    [
      'clock',
      skew === null ? 'unknown' : `${formatDuration(Math.abs(skew))} ${skew < 0 ? 'behind' : 'ahead'}`,
    ],
  ];
}

/** `KEY=VALUE` sets, `KEY-` removes, as in kubectl. */
export function label(
  surroundings: Surroundings,
  name: string,
  changes: readonly string[],
  options: Json,
): Promise<number> {
  const set: Labels = {};
  const remove: string[] = [];
  for (const change of changes) {
    const [, key, value, minus] = /^([^=]+?)(?:=(.*)|(-))$/s.exec(change) ?? [];
    if (key === undefined)
      throw wrongUse(`"${change}" is neither KEY=VALUE nor KEY-`, 'muster agents label web-1 env=prod old-');
    const problem = labelProblem(key, value ?? '');
    if (problem) throw wrongUse(`"${change}": ${problem}`);
    if (minus) remove.push(key);
    else set[key] = value ?? '';
  }
  return withClient(surroundings, async (client) => {
    const reply = await client.call('agents.label', { params: { agent: name }, body: { set, remove } });
    const { stdout } = surroundings;
    stdout.write(options.json ? `${jsonLine(reply)}\n` : `${sanitiseLine(renderLabels(reply.labels))}\n`);
    return EXIT.ok;
  });
}

export function remove(
  surroundings: Surroundings,
  name: string,
  options: Json & { yes?: boolean },
): Promise<number> {
  return withClient(surroundings, async (client) => {
    const { stdin, stdout, stderr } = surroundings;
    if (!options.yes && stdin.isTerminal && stderr.isTerminal) {
      const agent = await client.call('agents.show', { params: { agent: name } });
      const about = `${sanitiseLine(agent.name)} (${stateOf(agent)}, ${agent.id})`;
      const answer = await surroundings.ask(`Remove ${about}? Its key will be refused from now on. [y/N] `);
      if (!/^y(es)?$/i.test(answer.trim())) {
        stderr.write('muster: nothing was done\n');
        return EXIT.wrongUse;
      }
    }
    const reply = await client.call('agents.remove', { params: { agent: name } });
    stdout.write(options.json ? `${jsonLine(reply)}\n` : `removed ${sanitiseLine(name)}\n`);
    return EXIT.ok;
  });
}

/** Lets in who waits for it: the operator has compared the key with what the machine prints. */
export function approve(surroundings: Surroundings, name: string, options: Json): Promise<number> {
  return withClient(surroundings, async (client) => {
    const reply = await client.call('agents.approve', { params: { agent: name } });
    const { stdout } = surroundings;
    stdout.write(options.json ? `${jsonLine(reply)}\n` : `approved ${sanitiseLine(name)}\n`);
    return EXIT.ok;
  });
}

export function facts(surroundings: Surroundings, name: string, options: Json): Promise<number> {
  return withClient(surroundings, async (client) => {
    const reply = await client.call('agents.facts', { params: { agent: name } });
    const { stdout, env } = surroundings;
    const text = (): string => renderProperties(flatten(reply.facts), paintFor(stdout.isTerminal, env));
    stdout.write(options.json ? `${jsonLine(reply)}\n` : text());
    return EXIT.ok;
  });
}

/** `os.id  debian`: one line for each value, named as selectors name it: an array stands for each of its elements. */
export function flatten(value: unknown, path = ''): [string, string][] {
  if (Array.isArray(value)) return value.flatMap((element) => flatten(element, path));
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([key, part]) =>
      flatten(part, path === '' ? key : `${path}.${key}`),
    );
  return [[path, typeof value === 'string' ? value : JSON.stringify(value)]];
}
