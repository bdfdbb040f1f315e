import { labelProblem } from '../../../proto/name.ts';
import { quoted } from '../../targeting/problem.ts';
import { agentNameOf, readAddress } from './address.ts';
import { isIpv6 } from './ansible.ts';
import type { Findings } from './findings.ts';
import { INVENTORY_LIMITS } from './limits.ts';
import { expandRanges } from './range.ts';
import { splitWords } from './words.ts';

/** A plain list: a host on each line as on the command line, ranges too, with labels (`role=web`) behind it; `#` begins a comment. */
export function readList(text: string, path: string, findings: Findings): void {
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const from = `${path}:${index + 1}`;
    const split = splitWords(line);
    if ('problem' in split) {
      findings.problem(from, split.problem);
      continue;
    }
    const [address, ...rest] = split.words;
    if (address !== undefined) addHosts(address, labelsOf(rest, from, findings), from, findings);
  }
}

/** Entries of what stands on a line or on the command line: `root@web[01:30]:2222`. */
export function addHosts(
  address: string,
  labels: Readonly<Record<string, string>>,
  from: string,
  findings: Findings,
): void {
  const bare = address.replace(/^.*@/, '').replace(/^\[(.*)\](?::\d+)?$/, '$1');
  const expanded = isIpv6(bare) ? { names: [address] } : expandRanges(address, INVENTORY_LIMITS.hosts);
  if ('problem' in expanded) {
    findings.problem(from, expanded.problem);
    return;
  }
  if (findings.entries.length + expanded.names.length > INVENTORY_LIMITS.hosts) {
    findings.problem(from, `more than ${INVENTORY_LIMITS.hosts} hosts`);
    return;
  }
  for (const written of expanded.names) addAddress(written, labels, from, findings);
}

function addAddress(
  written: string,
  labels: Readonly<Record<string, string>>,
  from: string,
  findings: Findings,
): void {
  const read = readAddress(written);
  if ('problem' in read) {
    findings.problem(from, read.problem);
    return;
  }
  const { host, port, user } = read.address;
  findings.entries.push({
    ...{ written, name: agentNameOf(host), host, port, user, labels, from },
    ...{ identityFiles: [], proxyJump: undefined, sudo: undefined },
  });
}

/** What is no label is not shown: it may be a password, as lists with columns have them. */
function labelsOf(words: readonly string[], from: string, findings: Findings): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [index, word] of words.entries()) {
    const equals = word.indexOf('=');
    const [key, value] = [word.slice(0, Math.max(0, equals)), word.slice(equals + 1)];
    if (equals <= 0)
      findings.problem(from, `behind the host come its labels (key=value); word ${index + 2} is none`);
    else if (Object.hasOwn(labels, key)) findings.problem(from, `the label ${quoted(key)} is there twice`);
    else {
      const problem = labelProblem(key, value);
      if (problem === undefined) labels[key] = value;
      else findings.problem(from, `the label ${quoted(key)}: ${problem}`);
    }
  }
  return labels;
}
