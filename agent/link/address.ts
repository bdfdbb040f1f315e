import { MusterError } from '../../proto/errors.ts';

/** Where agents upgrade to a websocket. */
const AGENT_PATH = '/agent';

/** `https://controller:7443` as it is dialled: `wss://controller:7443/agent`. Throws MusterError('bad-request'). */
export function agentAddress(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new MusterError('bad-request', `"${url}" is not a URL`);
  }
  const scheme = { 'https:': 'wss:', 'wss:': 'wss:', 'http:': 'ws:', 'ws:': 'ws:' }[parsed.protocol];
  if (!scheme || !parsed.host)
    throw new MusterError('bad-request', `"${url}" is not an https:// or wss:// URL`);
  const path = parsed.pathname === '/' ? AGENT_PATH : parsed.pathname;
  return `${scheme}//${parsed.host}${path}${parsed.search}`;
}
