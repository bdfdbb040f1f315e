import { LIMITS } from '../../../proto/limits.ts';
import { createInventory, type Inventory } from './ansible.ts';
import { addAnsibleEntries } from './ansible-entries.ts';
import { readAnsibleIni } from './ansible-ini.ts';
import { readAnsibleYaml } from './ansible-yaml.ts';
import { createFindings, type Findings } from './findings.ts';
import { formatOf } from './format.ts';
import { readHostsYaml } from './hosts-yaml.ts';
import { INVENTORY_LIMITS } from './limits.ts';
import { addHosts, readList } from './list.ts';
import { mergeEntries } from './merge.ts';
import type { Hosts, Problem, Source, TextFile, VariableFile } from './source.ts';

/**
 * All hosts that the sources name, in their order. Never throws: everything that is wrong is told at once.
 * `labels` are of every host, and count more than those of an inventory.
 */
export function readHosts(sources: readonly Source[], labels: Readonly<Record<string, string>> = {}): Hosts {
  const findings = createFindings();
  for (const source of sources)
    switch (source.kind) {
      case 'argument':
        addHosts(source.text, {}, `argument ${source.position}`, findings);
        break;
      case 'file':
        readFile(source, source.beside ?? [], findings);
        break;
      case 'folder':
        readFolder(source, findings);
    }
  const entries = mergeEntries(findings.entries, findings).map((entry) => ({
    ...entry,
    labels: { ...entry.labels, ...labels },
  }));
  for (const { from, labels } of entries)
    if (Object.keys(labels).length > LIMITS.labelsPerAgent)
      findings.problem(from, `it would have more than ${LIMITS.labelsPerAgent} labels`);
  return { entries, problems: inOrder(findings.problems, sources), notes: findings.notes() };
}

/** As one reads the sources. */
function inOrder(problems: readonly Problem[], sources: readonly Source[]): Problem[] {
  const names = new Map(
    sources.map((source, index) => [source.kind === 'argument' ? '' : source.path, index]),
  );
  const placed = problems.map((problem) => {
    const [, path, line] = /^(.*):(\d+)$/s.exec(problem.from) ?? [];
    return { problem, source: names.get(path ?? problem.from) ?? -1, line: Number(line ?? 0) };
  });
  return placed.sort((a, b) => a.source - b.source || a.line - b.line).map(({ problem }) => problem);
}

function readFile(file: TextFile, beside: readonly VariableFile[], findings: Findings): void {
  const before = findings.entries.length + findings.problems.length;
  const inventory = createInventory();
  if (addFile(file, inventory, findings)) addAnsibleEntries(inventory, beside, findings, file.path);
  if (findings.entries.length + findings.problems.length === before)
    findings.problem(file.path, 'it names no host that SSH reaches');
}

/** As Ansible reads one: in the order of the names, and a group of one file may be a child in a later one. */
function readFolder({ path, files, beside = [] }: Source & { kind: 'folder' }, findings: Findings): void {
  const before = findings.entries.length + findings.problems.length;
  const inventory = createInventory();
  for (const file of files)
    if (/\.ini$/i.test(file.path))
      findings.note(file.path, 'left aside, as Ansible does with .ini in a folder');
    else addFile(file, inventory, findings, true);
  addAnsibleEntries(inventory, beside, findings, path);
  if (findings.entries.length + findings.problems.length === before)
    findings.problem(path, 'no file in it names a host that SSH reaches');
}

/** Adds what a file says to the inventory, or straight to the entries: then false. */
function addFile(
  { path, text: given }: TextFile,
  inventory: Inventory,
  findings: Findings,
  ansible = false,
): boolean {
  // What Windows writes first.
  const text = given.replace(/^\ufeff/, '');
  const told =
    text.length > INVENTORY_LIMITS.characters
      ? { problem: `longer than ${INVENTORY_LIMITS.characters} characters` }
      : formatOf(path, text);
  if ('problem' in told) {
    findings.problem(path, told.problem);
    return false;
  }
  switch (told.format) {
    case 'list':
      if (ansible) readAnsibleIni(text, path, findings, inventory);
      else readList(text, path, findings);
      return ansible;
    case 'hosts-yaml':
      readHostsYaml(text, path, findings);
      return false;
    case 'ansible-ini':
      readAnsibleIni(text, path, findings, inventory);
      return true;
    case 'ansible-yaml':
      readAnsibleYaml(text, path, findings, inventory);
      return true;
  }
}
