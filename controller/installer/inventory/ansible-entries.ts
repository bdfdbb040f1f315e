import { labelProblem } from '../../../proto/name.ts';
import { quoted } from '../../targeting/problem.ts';
import { agentNameOf } from './address.ts';
import type { Inventory, Variables } from './ansible.ts';
import { readBeside } from './ansible-beside.ts';
import { settingsOf } from './ansible-settings.ts';
import type { Findings } from './findings.ts';
import type { VariableFile } from './source.ts';

/** Makes entries of an inventory: groups become labels, and what says how a host is reached is taken as Ansible takes it. */
export function addAnsibleEntries(
  inventory: Inventory,
  beside: readonly VariableFile[],
  findings: Findings,
  from: string,
): void {
  const parents = parentsOf(inventory);
  const loop = loopIn(parents);
  if (loop) {
    findings.problem(from, `these groups hold each other: ${loop.map(quoted).join(', ')}`);
    return;
  }
  const depth = depthsOf(parents);
  const files = readBeside(beside, inventory, findings);
  const groupsOf = new Map<string, Set<string>>();
  for (const group of inventory.groups.values())
    for (const host of group.hosts) {
      const of = groupsOf.get(host) ?? new Set(['all']);
      groupsOf.set(host, of);
      addWithParents(group.name, parents, of);
    }
  for (const [name, { from: place, variables }] of inventory.hosts) {
    const groups = [...(groupsOf.get(name) ?? [])].sort(
      (a, b) => (depth.get(a) ?? 0) - (depth.get(b) ?? 0) || (a < b ? -1 : 1),
    );
    // As Ansible orders them: files beside the inventory over what it says itself, hosts over all groups.
    const merged: Variables = new Map([
      ...groups.flatMap((group) => [...(inventory.groups.get(group)?.variables ?? [])]),
      ...groups.flatMap((group) => [...(files.groups.get(group) ?? [])]),
      ...variables,
      ...(files.hosts.get(name) ?? []),
    ]);
    const settings = settingsOf(name, merged, findings, place);
    if (settings === undefined) continue;
    findings.entries.push({
      written: name,
      name: agentNameOf(name),
      ...settings,
      labels: labelsOf(groups, findings, place),
      from: place,
    });
  }
}

function parentsOf(inventory: Inventory): Map<string, string[]> {
  const parents = new Map<string, string[]>([...inventory.groups.keys()].map((name) => [name, []]));
  for (const { name, children } of inventory.groups.values())
    for (const child of children) parents.get(child)?.push(name);
  for (const [name, of] of parents) if (name !== 'all' && of.length === 0) of.push('all');
  return parents;
}

function loopIn(parents: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  for (const start of parents.keys()) {
    const trail: { name: string; next: number }[] = [{ name: start, next: 0 }];
    for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
      const parent = parents.get(top.name)?.[top.next++];
      if (parent === undefined) {
        done.add(top.name);
        trail.pop();
      } else if (!done.has(parent)) {
        const at = trail.findIndex(({ name }) => name === parent);
        if (at >= 0) return trail.slice(at).map(({ name }) => name);
        trail.push({ name: parent, next: 0 });
      }
    }
  }
  return undefined;
}

/** The longest way from `all`; of two groups the deeper one wins. There are no loops. */
function depthsOf(parents: ReadonlyMap<string, readonly string[]>): Map<string, number> {
  const depths = new Map<string, number>();
  const order: string[] = [];
  const open: { name: string; left: boolean }[] = [...parents.keys()].map((name) => ({ name, left: false }));
  const seen = new Set<string>();
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next.left) order.push(next.name);
    if (next.left || seen.has(next.name)) continue;
    seen.add(next.name);
    open.push({ name: next.name, left: true });
    for (const parent of parents.get(next.name) ?? []) open.push({ name: parent, left: false });
  }
  for (const name of order) {
    const above = (parents.get(name) ?? []).map((parent) => (depths.get(parent) ?? 0) + 1);
    depths.set(name, Math.max(0, ...above));
  }
  return depths;
}

function addWithParents(
  name: string,
  parents: ReadonlyMap<string, readonly string[]>,
  into: Set<string>,
): void {
  const open = [name];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (into.has(next)) continue;
    into.add(next);
    open.push(...(parents.get(next) ?? []));
  }
}

/** `web` becomes `group.web=yes`; `all` and `ungrouped` say nothing. */
function labelsOf(groups: readonly string[], findings: Findings, from: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const group of groups) {
    if (group === 'all' || group === 'ungrouped') continue;
    const key = `group.${group}`;
    const problem = labelProblem(key, 'yes');
    if (problem === undefined) labels[key] = 'yes';
    else findings.note(from, `the group ${quoted(group)} makes no label: ${problem}`);
  }
  return labels;
}
