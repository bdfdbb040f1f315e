import { quoted } from '../../targeting/problem.ts';
import { agentNameOf, readAddress } from './address.ts';
import { addInventory } from './ansible.ts';
import { readAnsibleIni } from './ansible-ini.ts';
import { createFindings, type Findings } from './findings.ts';
import { INVENTORY_LIMITS } from './limits.ts';
import type { Hosts, Source } from './source.ts';

/**
 * All hosts that the sources name, in their order. Never throws: everything that is wrong is told at once.
 * `labels` are of every host, and count more than those of an inventory.
 */
export function readHosts(sources: readonly Source[], labels: Readonly<Record<string, string>> = {}): Hosts {
  const findings = createFindings();
  for (const source of sources)
    if (source.kind === 'argument') readArgument(source.text, source.position, findings);
    else readFile(source.path, source.text, findings);
  const { entries, problems } = findings;
  return {
    entries: entries.map((entry) => ({ ...entry, labels: { ...entry.labels, ...labels } })),
    problems,
    notes: findings.notes(),
  };
}

function readArgument(text: string, position: number, findings: Findings): void {
  const from = `argument ${position}`;
  const read = readAddress(text);
  if ('problem' in read) {
    findings.problem(from, read.problem);
    return;
  }
  const { host, port, user } = read.address;
  findings.entries.push({
    ...{ written: text, name: agentNameOf(host), host, port, user, from },
    ...{ identityFiles: [], proxyJump: undefined, labels: {}, sudo: undefined },
  });
}

function readFile(path: string, text: string, findings: Findings): void {
  if (text.length > INVENTORY_LIMITS.bytes) {
    findings.problem(path, `longer than ${INVENTORY_LIMITS.bytes} characters`);
    return;
  }
  const stray = text.search(/[^\P{Cc}\t\n\r]/u);
  if (stray >= 0) {
    const line = text.slice(0, stray).split('\n').length;
    findings.problem(
      `${path}:${line}`,
      `expected text, found the control character ${quoted(text.charAt(stray))}`,
    );
    return;
  }
  addInventory(readAnsibleIni(text, path, findings), findings, path);
}
