import { quoted } from '../../targeting/problem.ts';
import { addHosts, type Inventory, isIpv6, splitPort, type Variables } from './ansible.ts';
import type { Findings } from './findings.ts';
import { splitWords } from './words.ts';

type Section = { readonly group: string; readonly kind: 'hosts' | 'vars' | 'children' };

/** Ansible's INI inventories, as its own plugin reads them: `[group]`, `[group:vars]`, `[group:children]`, and hosts before any of these. */
export function readAnsibleIni(text: string, path: string, findings: Findings, inventory: Inventory): void {
  /** Named as a child or for its variables, and where; it has to be declared somewhere. */
  const awaited = new Map<string, string>();
  const declared = new Set(['all', 'ungrouped', ...inventory.groups.keys()]);
  let section: Section | undefined = { group: 'ungrouped', kind: 'hosts' };
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    const from = `${path}:${index + 1}`;
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue;
    if (line.startsWith('[') && !isIpv6(splitPort(line).hosts)) {
      section = readSection(line, from, findings);
      if (section === undefined) continue;
      if (section.kind === 'vars') awaited.set(section.group, awaited.get(section.group) ?? from);
      else declared.add(section.group);
      inventory.group(section.group);
    } else if (section === undefined) {
      // Of a section that nobody understood: told with its heading.
    } else if (section.kind === 'hosts') readHost(line, section.group, from, inventory, findings);
    else if (section.kind === 'vars') {
      readVariable(line, inventory.group(section.group).variables, from, findings);
    } else {
      const [, child] = /^([^:\]\s]+)\s*(?:#.*)?$/.exec(line) ?? [];
      if (child === undefined)
        findings.problem(from, `expected the name of one group, found ${quoted(line)}`);
      else {
        awaited.set(child, awaited.get(child) ?? from);
        inventory.group(child);
        inventory.group(section.group).children.add(child);
      }
    }
  }
  for (const [group, from] of awaited)
    if (!declared.has(group)) findings.problem(from, `the group ${quoted(group)} has no section of its own`);
}

function readSection(line: string, from: string, findings: Findings): Section | undefined {
  const [, group, kind = 'hosts'] = /^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$/.exec(line) ?? [];
  if (group === undefined)
    findings.problem(
      from,
      `expected a section such as [web], [web:vars] or [web:children], found ${quoted(line)}`,
    );
  else if (kind === 'hosts' || kind === 'vars' || kind === 'children') return { group, kind };
  else findings.problem(from, `${quoted(line)}: a section is [group], [group:vars] or [group:children]`);
  return undefined;
}

/** `web[01:30].example.com:2222 ansible_user=root`. */
function readHost(line: string, group: string, from: string, inventory: Inventory, findings: Findings): void {
  const split = splitWords(line);
  if ('problem' in split) {
    findings.problem(from, split.problem);
    return;
  }
  const [pattern = '', ...rest] = split.words;
  const variables: Variables = new Map();
  for (const word of rest) {
    const equals = word.indexOf('=');
    if (equals > 0) setVariable(word.slice(0, equals), word.slice(equals + 1), variables, from);
    // The word may be the end of a password that nobody quoted.
    else findings.problem(from, 'expected key=value after the host; a value with spaces needs quotes');
  }
  addHosts(pattern, variables, { group, from }, inventory, findings);
}

function readVariable(line: string, into: Variables, from: string, findings: Findings): void {
  const equals = line.indexOf('=');
  if (equals > 0) setVariable(line.slice(0, equals).trim(), line.slice(equals + 1).trim(), into, from);
  else findings.problem(from, 'expected key=value');
}

/** Ansible takes a value for a Python literal where it is one; of these only quotes matter here. */
function setVariable(name: string, value: string, into: Variables, from: string): void {
  const [, quote, inner] = /^(["'])(.*)\1\s*(?:#.*)?$/.exec(value) ?? [];
  const text = quote !== undefined && inner !== undefined && !inner.includes(quote) ? inner : value;
  into.set(name, { text, from });
}
