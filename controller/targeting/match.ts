import { factAt } from './fact-path.ts';
import { globMatches } from './glob.ts';
import type { TargetList, TargetTerms } from './parse.ts';
import type { Requirement, Selector } from './selector.ts';

/** What targeting reads of an agent. */
export interface Matchable {
  /** 32 hex characters. */
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly facts?: unknown;
}

export interface MatchQuery {
  readonly targets?: TargetList | undefined;
  readonly selector?: Selector | undefined;
}

export interface Matched<A> {
  /** Sorted by name. */
  readonly agents: A[];
  /**
   * Exact names and ids, as written, that no agent has; those of exclusions too (`!web-9`), because a mistyped exclusion
   * means one host more than was intended.
   */
  readonly unknown: string[];
}

/** Who is meant. Targets and selector together mean both; neither means nobody: everybody is only ever asked for by name. */
export function match<A extends Matchable>(agents: readonly A[], query: MatchQuery): Matched<A> {
  const { targets, selector } = query;
  if (!targets && !selector) return { agents: [], unknown: [] };
  const meant = agents.filter(
    (agent) =>
      (!targets || (hasTerm(targets.include, agent) && !hasTerm(targets.exclude, agent))) &&
      (!selector || selector.every((requirement) => holds(requirement, agent))),
  );
  return { agents: meant.sort(byName), unknown: targets ? unknownNames(targets, agents) : [] };
}

function hasTerm(terms: TargetTerms, agent: Matchable): boolean {
  if (terms.all || terms.names.has(agent.name) || terms.names.has(agent.id)) return true;
  return terms.globs.some((glob) => globMatches(glob, agent.name));
}

function unknownNames(targets: TargetList, agents: readonly Matchable[]): string[] {
  const known = new Set(agents.flatMap(({ name, id }) => [name, id]));
  return [...targets.include.names, ...targets.exclude.names]
    .filter(([name]) => !known.has(name))
    .map(([, written]) => written);
}

function holds(requirement: Requirement, agent: Matchable): boolean {
  const values = valuesOf(requirement, agent);
  switch (requirement.operator) {
    case 'exists':
      return values.length > 0;
    case 'absent':
      return values.length === 0;
    case 'in':
      return values.some((value) => isOneOf(requirement.values, value));
    case 'notin':
      return !values.some((value) => isOneOf(requirement.values, value));
  }
}

function valuesOf(requirement: Requirement, agent: Matchable): readonly unknown[] {
  if (requirement.label && Object.hasOwn(agent.labels, requirement.key))
    return [agent.labels[requirement.key]];
  return requirement.path ? factAt(agent.facts, requirement.path) : [];
}

function isOneOf(values: ReadonlySet<string>, value: unknown): boolean {
  return typeof value !== 'object' && values.has(String(value));
}

function byName(a: Matchable, b: Matchable): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
