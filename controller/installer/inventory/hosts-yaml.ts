import { check } from '../../documents/check.ts';
import { type Problem, readDocument } from '../../documents/document.ts';
import type { HostEntry } from '../host.ts';
import { agentNameOf, readAddress } from './address.ts';
import type { Findings } from './findings.ts';
import { HOST, HOSTS } from './hosts-shape.ts';
import { INVENTORY_LIMITS } from './limits.ts';

/** Muster's own list: `hosts:`, each a text as on the command line or a map, and `defaults:` for what they have in common. */
export function readHostsYaml(text: string, path: string, findings: Findings): void {
  const tell = (problems: readonly Problem[]): void => {
    for (const { line, path: part, message } of problems)
      findings.problem(`${path}:${line}`, part === '' ? message : `${part}: ${message}`);
  };
  const read = readDocument(text);
  if ('problems' in read) {
    tell(read.problems);
    return;
  }
  const { document } = read;
  const whole = check(HOSTS, document, document.value, []);
  if ('problems' in whole) tell(whole.problems);
  const { defaults = {} } = 'value' in whole ? whole.value : {};
  const given = (document.value as { hosts?: unknown } | null)?.hosts;
  const hosts: readonly unknown[] = Array.isArray(given) ? given : [];
  if (hosts.length > INVENTORY_LIMITS.hosts) {
    findings.problem(path, `more than ${INVENTORY_LIMITS.hosts} hosts`);
    return;
  }
  for (const [index, value] of hosts.entries()) {
    const at = ['hosts', index];
    const from = `${path}:${document.lineOf(at)}`;
    const host = check(HOST, document, typeof value === 'string' ? { host: value } : value, at);
    if ('problems' in host) {
      tell(host.problems);
      continue;
    }
    const address = readAddress(host.value.host);
    if ('problem' in address) continue;
    const { host: place, user, port } = address.address;
    const own = {
      ...host.value,
      host: place,
      ...(user === undefined ? {} : { user }),
      ...(port === undefined ? {} : { port }),
    };
    for (const key of ['user', 'port'] as const)
      if (host.value[key] !== undefined && address.address[key] !== undefined)
        findings.problem(from, `${key} is in host already`);
    findings.entries.push(
      entryOf({ ...defaults, ...own, labels: { ...defaults.labels, ...own.labels } }, host.value.host, from),
    );
  }
}

interface Given {
  readonly host: string;
  readonly name?: string;
  readonly user?: string;
  readonly port?: number;
  readonly identity?: readonly string[];
  readonly jump?: readonly string[];
  readonly sudo?: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

function entryOf(
  { host, name, user, port, identity = [], jump, sudo, labels }: Given,
  address: string,
  from: string,
): HostEntry {
  return {
    written: name ?? address,
    name: name ?? agentNameOf(host),
    ...{ host, port, user, identityFiles: identity, proxyJump: jump, labels, sudo, from },
  };
}
