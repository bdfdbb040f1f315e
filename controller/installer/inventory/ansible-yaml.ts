import { type Loose, type LooseEntry, readLoose } from '../../documents/loose.ts';
import { quoted } from '../../targeting/problem.ts';
import { addHosts, type Inventory, type Variables } from './ansible.ts';
import type { Findings } from './findings.ts';
import { AS_LIST } from './format.ts';

/**
 * Ansible's YAML inventories, as its own plugin reads them, and what `ansible-inventory --list` prints (JSON, with `_meta`).
 */
export function readAnsibleYaml(text: string, path: string, findings: Findings, inventory: Inventory): void {
  const read = readLoose(text);
  if ('problems' in read) {
    for (const { line, message } of read.problems) findings.problem(`${path}:${line}`, message);
    return;
  }
  const { root } = read;
  if (root.kind === 'nothing') return;
  if (root.kind !== 'map') {
    const hint = root.kind === 'list' ? ', not a list (a playbook?)' : '';
    findings.problem(`${path}:${root.line}`, `expected groups, each with hosts, children or vars${hint}`);
    return;
  }
  const reading: Reading = { path, findings, inventory, left: MOST_NAMES, lists: false };
  const entries = unique(root, reading);
  const plugin = entries.find(({ key }) => key === 'plugin');
  if (plugin) {
    findings.problem(`${path}:${plugin.line}`, `an inventory plugin is not run here; ${AS_LIST}`);
    return;
  }
  const meta = entries.find(({ key }) => key === '_meta');
  const groups = entries.filter((entry) => entry !== meta);
  reading.lists = meta !== undefined;
  for (const { key, line, value } of groups) readGroup(key, value, line, reading);
  if (meta) readMeta(meta.value, reading);
}

interface Reading {
  readonly path: string;
  readonly findings: Findings;
  readonly inventory: Inventory;
  /** Groups and hosts still to be read: an alias may bring the same ones again and again. */
  left: number;
  /** Hosts and children are lists of names, as scripts print them. */
  lists: boolean;
}

const MOST_NAMES = 1_000_000;

function readGroup(name: string, body: Loose, line: number, reading: Reading): void {
  const from = `${reading.path}:${line}`;
  const { findings, inventory } = reading;
  if (reading.left <= 0) {
    findings.problem(reading.path, `more than ${MOST_NAMES} names`);
    return;
  }
  reading.left -= 1;
  if (!/^[^\s:[\]]{1,255}$/.test(name)) findings.problem(from, `${quoted(name)} cannot be a group`);
  const group = inventory.group(name);
  if (body.kind === 'nothing') return;
  if (body.kind !== 'map') {
    findings.problem(from, `${quoted(name)}: expected a map with hosts, children or vars`);
    return;
  }
  for (const { key, value, line: at } of unique(body, reading)) {
    if (key === 'hosts')
      for (const host of named(value, at, reading))
        addHosts(
          host.key,
          variablesOf(host.value, host.line, reading),
          { group: name, from: `${reading.path}:${host.line}` },
          inventory,
          findings,
        );
    else if (key === 'children')
      for (const child of named(value, at, reading)) {
        group.children.add(child.key);
        readGroup(child.key, child.value, child.line, reading);
      }
    else if (key === 'vars')
      for (const [variable, given] of variablesOf(value, at, reading)) group.variables.set(variable, given);
    else
      findings.problem(
        `${reading.path}:${at}`,
        `${quoted(name)}: expected hosts, children or vars, found ${quoted(key)}`,
      );
  }
}

/** What is under `hosts` or `children`: names, each perhaps with more. */
function named(value: Loose, line: number, reading: Reading): LooseEntry[] {
  const names = namesIn(value, line, reading);
  reading.left -= names.length;
  return names;
}

function namesIn(value: Loose, line: number, reading: Reading): LooseEntry[] {
  if (value.kind === 'map') return unique(value, reading);
  if (value.kind === 'nothing') return [];
  const alone = (name: Loose): LooseEntry[] =>
    name.kind === 'text' ? [{ key: name.text, line: name.line, value: { kind: 'nothing', line } }] : [];
  if (value.kind === 'text') return alone(value);
  if (value.kind === 'list' && reading.lists) return value.items().flatMap(alone);
  reading.findings.problem(
    `${reading.path}:${line}`,
    value.kind === 'list'
      ? 'expected names with a colon behind each ("web-1:"), not a list'
      : 'expected names',
  );
  return [];
}

function variablesOf(value: Loose, line: number, reading: Reading): Variables {
  if (value.kind === 'map' || value.kind === 'nothing') return variablesIn(value, reading.path);
  reading.findings.problem(`${reading.path}:${line}`, 'expected variables ("key: value")');
  return new Map();
}

/** Of two that are the same the last one counts, as for Ansible. */
function variablesIn(value: Loose, path: string): Variables {
  const variables: Variables = new Map();
  // A key without a value says nothing.
  for (const { key, line, value: given } of value.kind === 'map' ? value.entries() : [])
    if (given.kind !== 'nothing')
      variables.set(key, { text: given.kind === 'text' ? given.text : undefined, from: `${path}:${line}` });
  return variables;
}

/** Of a file with variables alone. */
export function readVariables(text: string, path: string, findings: Findings): Variables {
  if (text.startsWith('$ANSIBLE_VAULT')) {
    findings.note(path, 'not looked into, since ansible-vault sealed it');
    return new Map();
  }
  const read = readLoose(text);
  if ('root' in read) return variablesIn(read.root, path);
  for (const { line, message } of read.problems) findings.problem(`${path}:${line}`, message);
  return new Map();
}

function readMeta(meta: Loose, reading: Reading): void {
  const hostvars =
    meta.kind === 'map' ? meta.entries().find(({ key }) => key === 'hostvars')?.value : undefined;
  if (hostvars?.kind !== 'map') return;
  for (const { key, line, value } of hostvars.entries())
    addHosts(
      key,
      variablesOf(value, line, reading),
      { group: 'all', from: `${reading.path}:${line}` },
      reading.inventory,
      reading.findings,
    );
}

/** A group that is there twice would lose its hosts without a word. */
function unique(map: Extract<Loose, { kind: 'map' }>, reading: Reading): LooseEntry[] {
  const entries = map.entries();
  const seen = new Set<string>();
  for (const { key, line } of entries) {
    if (seen.has(key))
      reading.findings.problem(`${reading.path}:${line}`, `the key ${quoted(key)} is there twice`);
    seen.add(key);
  }
  return entries;
}
