import { nameProblem } from '../../../proto/name.ts';
import { quoted } from '../../targeting/problem.ts';

/** Where an ssh client is sent: `host`, `user@host:port`, `[::1]:22`, `ssh://user@host:port`. */
export interface Address {
  readonly user: string | undefined;
  readonly host: string;
  readonly port: number | undefined;
}

/** Never throws; the problem quotes nothing of what may be a password. */
export function readAddress(text: string): { address: Address } | { problem: string } {
  const url = /^ssh:\/\//i.test(text);
  const rest = url ? text.slice('ssh://'.length).replace(/\/$/, '') : text;
  const at = rest.lastIndexOf('@');
  const user = at < 0 ? undefined : rest.slice(0, at);
  if (url && user?.includes(':'))
    return { problem: 'a password has no place in an address; use --ask-password' };
  const place = readPlace(rest.slice(at + 1));
  if ('problem' in place) return place;
  const problem = hostProblem(place.host) ?? (user === undefined ? undefined : userProblem(user));
  return problem === undefined ? { address: { user, ...place } } : { problem };
}

function readPlace(text: string): { host: string; port: number | undefined } | { problem: string } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  const [host = '', port] =
    bracketed?.slice(1) ?? (/^[^:]*:[^:]*$/.test(text) ? text.split(':') : [text, undefined]);
  if (port === undefined) return { host, port: undefined };
  const number = portOf(port);
  return number === undefined
    ? { problem: `expected a port from 1 to 65535, found ${quoted(port)}` }
    : { host, port: number };
}

/** Undefined for what is no port. */
export function portOf(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/** Why this is neither a name nor an address. What is taken is harmless in a path, a terminal and an argument. */
export function hostProblem(host: string): string | undefined {
  if (host === '') return 'expected a host, found nothing';
  if (isIp(host)) return undefined;
  if (/^[\d.]+$/.test(host)) return `${quoted(host)} is no IPv4 address`;
  if (/^[^:]+:\d+$/.test(host) || /^\[.*\]:\d+$/.test(host))
    return `${quoted(host)} is a host with a port, which has a place of its own (ansible_port, or port)`;
  if (/^[0-9a-f:.]*:[0-9a-f:.]*(?:%.*)?$/i.test(host)) return `${quoted(host)} is no IPv6 address`;
  if (!/^[A-Za-z0-9._-]+$/.test(host))
    return `${quoted(host)} cannot be a host: its name has letters, digits, dots, dashes and underscores`;
  if (/^[.-]|-$/.test(host))
    return `${quoted(host)} cannot be a host: its name begins and ends with a letter or digit`;
  const problem = nameProblem(host.toLowerCase().replace(/\.$/, ''));
  return problem === undefined ? undefined : `${quoted(host)} cannot be a host: ${problem}`;
}

export function isIp(host: string): boolean {
  if (!host.includes(':'))
    return (
      /^\d+(?:\.\d+){3}$/.test(host) &&
      host.split('.').every((part) => Number(part) < 256 && String(Number(part)) === part)
    );
  const [address = '', zone] = host.split('%', 2);
  return (
    /^[0-9a-f:.]+$/i.test(address) &&
    URL.canParse(`http://[${address}]`) &&
    (zone === undefined || /^[\w.-]+$/.test(zone))
  );
}

/** Why no user is called so. A domain's (`CORP\\anna`, `anna@corp.example`) is taken. */
export function userProblem(user: string): string | undefined {
  if (user === '') return 'expected a user, found nothing';
  if (user.length > 255 || !/^[A-Za-z0-9_][A-Za-z0-9_.@+\\-]*\$?$/.test(user))
    return `${quoted(user)} cannot be a user`;
  return undefined;
}

/** What an agent on this host is called: as the operator calls the host; undefined where that is only an address. */
export function agentNameOf(host: string): string | undefined {
  const name = host.toLowerCase().replace(/\.$/, '');
  return isIp(host) || name === 'localhost' || nameProblem(name) !== undefined ? undefined : name;
}
