import { LIMITS } from '../../../proto/limits.ts';
import { addAnsibleEntries } from './ansible-entries.ts';
import { readAnsibleIni } from './ansible-ini.ts';
import { readAnsibleYaml } from './ansible-yaml.ts';
import { createFindings, type Findings } from './findings.ts';
import { formatOf } from './format.ts';
import { readHostsYaml } from './hosts-yaml.ts';
import { INVENTORY_LIMITS } from './limits.ts';
import { addHosts, readList } from './list.ts';
import { mergeEntries } from './merge.ts';
import type { Hosts, Problem, Source } from './source.ts';

/**
 * All hosts that the sources name, in their order. Never throws: everything that is wrong is told at once.
 * `labels` are of every host, and count more than those of an inventory.
 */
export function readHosts(sources: readonly Source[], labels: Readonly<Record<string, string>> = {}): Hosts {
  const findings = createFindings();
  for (const source of sources)
    if (source.kind === 'argument') addHosts(source.text, {}, `argument ${source.position}`, findings);
    else readFile(source, findings);
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
  const names = new Map(sources.map((source, index) => [source.kind === 'file' ? source.path : '', index]));
  const placed = problems.map((problem) => {
    const [, path, line] = /^(.*):(\d+)$/s.exec(problem.from) ?? [];
    return { problem, source: names.get(path ?? problem.from) ?? -1, line: Number(line ?? 0) };
  });
  return placed.sort((a, b) => a.source - b.source || a.line - b.line).map(({ problem }) => problem);
}

function readFile({ path, text, beside = [] }: Source & { kind: 'file' }, findings: Findings): void {
  if (text.length > INVENTORY_LIMITS.characters) {
    findings.problem(path, `longer than ${INVENTORY_LIMITS.characters} characters`);
    return;
  }
  const told = formatOf(path, text);
  if ('problem' in told) {
    findings.problem(path, told.problem);
    return;
  }
  const before = findings.entries.length + findings.problems.length;
  switch (told.format) {
    case 'list':
      readList(text, path, findings);
      break;
    case 'hosts-yaml':
      readHostsYaml(text, path, findings);
      break;
    case 'ansible-ini':
      addAnsibleEntries(readAnsibleIni(text, path, findings), beside, findings, path);
      break;
    case 'ansible-yaml': {
      const inventory = readAnsibleYaml(text, path, findings);
      if (inventory) addAnsibleEntries(inventory, beside, findings, path);
    }
  }
  if (findings.entries.length + findings.problems.length === before)
    findings.problem(path, 'it names no host');
}
