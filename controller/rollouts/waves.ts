import { MusterError } from '../../proto/errors.ts';
import { seededFractions, shuffled } from '../targeting/limit.ts';
import { type Matchable, match } from '../targeting/match.ts';
import { parseTargets } from '../targeting/parse.ts';
import { quoted } from '../targeting/problem.ts';
import { parseSelector } from '../targeting/selector.ts';
import { type Laid, policyOf } from './policy.ts';
import type { RolloutRequest, WaveRequest } from './request.ts';
import { counted, namesOf, titled } from './sentence.ts';

/** Hosts of one wave, before anything of it is resolved. */
export interface Share {
  readonly name: string;
  readonly asked: WaveRequest;
  readonly hosts: readonly Matchable[];
}

export interface Findings {
  /** What keeps it from being started, a sentence each. */
  readonly problems: string[];
  /** What does not, and is better known before. */
  readonly warnings: string[];
}

/** How a rollout falls into waves; `laid` is null where there are problems. */
export interface LaidOut extends Findings {
  readonly laid: Laid | null;
}

/** `agents`: all hosts of the rollout, as targeting sees them. Wall time. */
export function layOut(request: RolloutRequest, agents: readonly Matchable[], nowMs: number): LaidOut {
  const found: Findings = { problems: [], warnings: [] };
  if (agents.length === 0) return { laid: null, ...found, problems: ['the rollout has no hosts'] };
  const shares = sharesOf(request, inOrder(request, agents), found);
  const laid = policyOf(request, shares, agents.length, nowMs, found);
  return { laid: found.problems.length === 0 ? laid : null, ...found };
}

function inOrder({ order, seed }: RolloutRequest, agents: readonly Matchable[]): readonly Matchable[] {
  const byName = [...agents].sort((a, b) => natural(a.name, b.name));
  return order === 'random' ? shuffled(byName, seededFractions(seed ?? 0)) : byName;
}

const numeric = new Intl.Collator('en', { numeric: true });
/** web-2 before web-10. */
const natural = (a: string, b: string): number => numeric.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);

function sharesOf(
  { waves }: RolloutRequest,
  agents: readonly Matchable[],
  found: Findings,
): readonly Share[] {
  if (waves === undefined || waves.length === 0)
    return [{ name: 'all', asked: { rest: true }, hosts: agents }];
  const left = new Set(agents);
  const named = new Map<Matchable, string>();
  const byWave = new Map<WaveRequest, Share[]>();
  const nameOf = (wave: WaveRequest): string => wave.name ?? `wave ${waves.indexOf(wave) + 1}`;
  const take = (wave: WaveRequest, name: string, hosts: readonly Matchable[]): void => {
    for (const host of hosts) left.delete(host);
    if (hosts.length === 0) found.problems.push(`${titled(name)} has no hosts${whyEmpty(wave)}`);
    byWave.set(wave, [...(byWave.get(wave) ?? []), { name, asked: wave, hosts }]);
  };

  for (const wave of waves) {
    const name = nameOf(wave);
    if ('hosts' in wave) {
      const meant = matched(found, name, agents, { targets: wave.hosts });
      const twice = meant.filter((host) => named.has(host));
      if (twice.length > 0)
        found.problems.push(
          `${namesOf(twice)} ${twice.length === 1 ? 'is' : 'are'} named in ${titled(named.get(twice[0] as Matchable) ?? '')} and in ${titled(name)}`,
        );
      for (const host of meant) if (!named.has(host)) named.set(host, name);
      take(
        wave,
        name,
        meant.filter((host) => left.has(host)),
      );
    } else if ('selector' in wave) {
      take(
        wave,
        name,
        matched(found, name, agents, { selector: wave.selector }).filter((host) => left.has(host)),
      );
    } else if ('each' in wave) {
      const groups = Map.groupBy(
        agents.filter((host) => left.has(host) && Object.hasOwn(host.labels, wave.each)),
        (host) => host.labels[wave.each] ?? '',
      );
      if (groups.size === 0) take(wave, name, []);
      for (const value of [...groups.keys()].sort(natural))
        take(
          wave,
          `${wave.name === undefined ? '' : `${wave.name} `}${wave.each}=${value}`,
          groups.get(value) ?? [],
        );
    }
  }
  for (const wave of waves) {
    if (!('size' in wave)) continue;
    const size = sizeOf(wave.size, agents.length, nameOf(wave), found);
    if (size === undefined) continue;
    if (size > left.size)
      found.problems.push(
        `${titled(nameOf(wave))} wants ${counted(size, 'host')}, and ${left.size} ${left.size === 1 ? 'is' : 'are'} left: shares are of all hosts of the rollout, and each wave takes its own; the last can be "rest"`,
      );
    else take(wave, nameOf(wave), agents.filter((host) => left.has(host)).slice(0, size));
  }
  const rests = waves.filter((wave) => 'rest' in wave);
  if (rests.length > 1) found.problems.push(`${rests.length} waves want the rest, and only one can have it`);
  else
    for (const wave of rests) {
      const last = agents.filter((host) => left.has(host));
      // Nobody has to be left: it is no wave then.
      if (last.length > 0 || byWave.size === 0) take(wave, nameOf(wave), last);
    }
  if (left.size > 0 && found.problems.length === 0) found.problems.push(inNoWave([...left], waves));
  const shares = waves.flatMap((wave) => byWave.get(wave) ?? []);
  const names = shares.map(({ name }) => name);
  const same = names.find((name, index) => names.indexOf(name) !== index);
  if (same !== undefined) found.problems.push(`two waves are called ${quoted(same)}`);
  return shares;
}

function matched(
  found: Findings,
  name: string,
  agents: readonly Matchable[],
  asked: { targets?: string; selector?: string },
): Matchable[] {
  try {
    const meant = match(agents, {
      ...(asked.targets === undefined ? {} : { targets: parseTargets(asked.targets) }),
      ...(asked.selector === undefined ? {} : { selector: parseSelector(asked.selector) }),
    });
    if (meant.unknown.length > 0)
      found.problems.push(
        `${titled(name)} names ${meant.unknown.slice(0, 3).map(quoted).join(', ')}${meant.unknown.length > 3 ? ' and more' : ''}: no host of the rollout is called so`,
      );
    const ids = new Set(meant.agents.map(({ id }) => id));
    return agents.filter(({ id }) => ids.has(id));
  } catch (cause) {
    if (!(cause instanceof MusterError)) throw cause;
    found.problems.push(`${titled(name)}: ${cause.message}`);
    return [];
  }
}

/** Undefined where it is a problem. */
function sizeOf(text: string, all: number, name: string, { problems }: Findings): number | undefined {
  const [, digits, percent] = /^(\d{1,7})(%?)$/.exec(text) ?? [];
  const value = Number(digits);
  if (digits === undefined || value === 0 || (percent === '%' && value > 100)) {
    problems.push(
      `${titled(name)}: a size is a number from 1, or a share from 1% to 100%, not ${quoted(text)}`,
    );
    return undefined;
  }
  const size = percent === '%' ? Math.floor((all * value) / 100) : value;
  if (size > 0) return size;
  problems.push(`${titled(name)}: ${text} of ${counted(all, 'host')} is less than one; write a number`);
  return undefined;
}

function inNoWave(hosts: readonly Matchable[], waves: readonly WaveRequest[]): string {
  const each = waves.flatMap((wave) => ('each' in wave ? [wave.each] : []));
  const why = each.length === 0 ? '' : ` (without the label ${each.map(quoted).join(' or ')})`;
  return `${namesOf(hosts)} ${hosts.length === 1 ? 'is' : 'are'} in no wave${why}; a last wave "rest" takes whoever is left`;
}

function whyEmpty(wave: WaveRequest): string {
  if ('each' in wave) return `: none that is left has the label ${quoted(wave.each)}`;
  return ': it means none, or only such as an earlier wave has';
}
