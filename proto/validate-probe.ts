import type { Message } from './codec.ts';
import { LIMITS } from './limits.ts';
import { checker } from './validate.ts';

const order = checker('order-malformed');

/** Throws MusterError('order-malformed'). `checkCommand` is asked of what it starts. */
export function checkProbe(
  probe: Message<'ProbeTask'>,
  checkCommand: (task: Pick<Message<'ProbeTask'>, 'command' | 'shell'>) => void,
): void {
  const { command, shell, http, tcp, need, of, everyMs, timeoutMs, withinMs, holdMs } = probe;
  const kinds = [command, shell, http, tcp].filter((kind) => kind !== null);
  order(kinds.length === 1, 'probe: exactly one kind');
  checkCommand({ command, shell });
  if (http) {
    order(isProbeUrl(http.url), 'probe.http.url');
    order(http.status === 0 || (http.status >= 100 && http.status <= 599), 'probe.http.status');
    order(http.contains.length <= LIMITS.probeContainsChars, 'probe.http.contains');
  }
  if (tcp) {
    order(isProbeHost(tcp.host), 'probe.tcp.host');
    order(tcp.port >= 1 && tcp.port <= 65_535, 'probe.tcp.port');
  }
  order(need >= 1 && need <= of && of <= LIMITS.probeTries, 'probe.need');
  for (const ms of [everyMs, timeoutMs, withinMs])
    order(ms > 0 && ms <= LIMITS.probeTimeMaxMs, 'probe: times');
  order(holdMs <= LIMITS.probeTimeMaxMs, 'probe.hold_ms');
  order(leastMs(probe) < withinMs, 'probe: it can never hold');
}

/** So long it takes at least until it can hold, where every try succeeds at once. */
export function leastMs({ need, everyMs }: Pick<Message<'ProbeTask'>, 'need' | 'everyMs'>): number {
  return (need - 1) * everyMs;
}

/** A name or an address, without brackets; no option of any program. */
export function isProbeHost(text: string): boolean {
  return /^[A-Za-z0-9:][A-Za-z0-9._:%-]{0,252}$/.test(text);
}

/** http or https, without a name and password in it. */
export function isProbeUrl(text: string): boolean {
  if (text.length > 2048 || !URL.canParse(text)) return false;
  const { protocol, username, password, hostname } = new URL(text);
  if (!isProbeHost(hostname.replace(/^\[(.*)\]$/, '$1'))) return false;
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '';
}
