import { quoted } from '../../targeting/problem.ts';
import { hostProblem, portOf } from './address.ts';
import type { Findings } from './findings.ts';
import { INVENTORY_LIMITS } from './limits.ts';
import { expandRanges } from './range.ts';

/** A value of an inventory, as text. Undefined: it is no plain value, or sealed. Most are none of our business, and may be secrets. */
export interface Variable {
  readonly text: string | undefined;
  readonly from: string;
}

export type Variables = Map<string, Variable>;

export interface Group {
  readonly name: string;
  readonly children: Set<string>;
  readonly hosts: Set<string>;
  readonly variables: Variables;
}

interface Host {
  readonly from: string;
  readonly variables: Variables;
}

/** What INI and YAML inventories say alike. Groups and hosts are kept by name, in the order in which they came. */
export interface Inventory {
  readonly groups: ReadonlyMap<string, Group>;
  readonly hosts: ReadonlyMap<string, Host>;
  group(name: string): Group;
  /** Adds it to the group; what it had before stays. */
  host(name: string, group: string, from: string): Host;
}

export function createInventory(): Inventory {
  const groups = new Map<string, Group>();
  const hosts = new Map<string, Host>();
  const group = (name: string): Group => {
    const found = groups.get(name);
    if (found) return found;
    const made = { name, children: new Set<string>(), hosts: new Set<string>(), variables: new Map() };
    groups.set(name, made);
    return made;
  };
  group('all');
  return {
    groups,
    hosts,
    group,
    host(name, into, from) {
      group(into).hosts.add(name);
      const found = hosts.get(name);
      if (found) return found;
      const made: Host = { from, variables: new Map() };
      hosts.set(name, made);
      return made;
    },
  };
}

/**
 * The hosts of a pattern: one name or address, perhaps with ranges, perhaps with a port. What was said of a host before is kept where this says
 * nothing else.
 */
export function addHosts(
  pattern: string,
  variables: Variables,
  { group, from }: { group: string; from: string },
  inventory: Inventory,
  findings: Findings,
): void {
  const { hosts, port } = splitPort(pattern);
  const expanded = isIpv6(hosts) ? { names: [hosts] } : expandRanges(hosts, INVENTORY_LIMITS.hosts);
  if ('problem' in expanded) {
    findings.problem(from, expanded.problem);
    return;
  }
  if (inventory.hosts.size + expanded.names.length > INVENTORY_LIMITS.hosts) {
    findings.problem(from, `more than ${INVENTORY_LIMITS.hosts} hosts`);
    return;
  }
  if (port !== undefined && portOf(port) === undefined) {
    findings.problem(from, `expected a port from 1 to 65535, found ${quoted(port)}`);
    return;
  }
  for (const name of expanded.names) {
    const problem = hostProblem(name);
    if (problem !== undefined) {
      findings.problem(from, problem);
      continue;
    }
    const isNew = !inventory.hosts.has(name);
    const host = inventory.host(name, group, from);
    // Ansible takes the port only where the host comes first.
    if (port !== undefined && isNew) host.variables.set('ansible_port', { text: port, from });
    for (const [key, value] of variables) host.variables.set(key, value);
  }
}

/** The port behind the last colon, unless it is one of a range's or of an IPv6 address. */
export function splitPort(pattern: string): { hosts: string; port: string | undefined } {
  const [, address, behind] = /^\[([0-9a-f]*:[0-9a-f:.%\w]*)\](?::(.*))?$/i.exec(pattern) ?? [];
  if (address !== undefined && isIpv6(address)) return { hosts: address, port: behind };
  const [, hosts, port] = /^((?:[^:[\]]|\[[^\]]*\])+):([^:\]]*)$/.exec(pattern) ?? [];
  return hosts === undefined ? { hosts: pattern, port: undefined } : { hosts, port };
}

/** Two colons at least, and no range. */
export const isIpv6 = (text: string): boolean => text.split(':').length > 2 && !/[[\]]/.test(text);
