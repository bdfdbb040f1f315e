import { toHex } from '../../proto/ids.ts';
import { readIdentity, readTrust } from '../identity/file-store.ts';
import { homeAt } from '../identity/home.ts';
import { type AgentStatus, readStatus } from '../identity/status-file.ts';
import type { Surroundings } from './surroundings.ts';

/** What this home is, and whether its agent runs and is connected. Exit status 0 when it is, 1 when not. */
export async function status(
  folder: string,
  { json }: { readonly json?: boolean },
  around: Surroundings,
): Promise<number> {
  const home = homeAt(folder);
  const identity = readIdentity(home);
  if (!identity) {
    around.print(json ? `${JSON.stringify({ joined: false })}\n` : 'not joined; run "muster-agent join"\n');
    return 1;
  }
  const trust = readTrust(home, identity.fleetId);
  const running = readStatus(home.status);
  const facts = {
    joined: true,
    name: identity.name,
    id: toHex(identity.agentId),
    fleet: toHex(identity.fleetId),
    root: toHex(trust.rootKeyId),
    trustSerial: trust.serial,
    trustExpiresAt: new Date(trust.document?.expiresAtMs ?? 0).toISOString(),
    running: running !== undefined,
    connected: running?.state === 'connected',
    ...(running?.state === 'removing' && { removing: true }),
    ...(running && { pid: running.pid, since: new Date(running.sinceMs).toISOString() }),
    ...(running?.url !== undefined && { url: running.url }),
    ...(running?.reason !== undefined && { reason: running.reason }),
  };
  if (json) around.print(`${JSON.stringify(facts)}\n`);
  else
    around.print(
      [
        `name     ${facts.name}`,
        `id       ${facts.id}`,
        `fleet    ${facts.fleet}`,
        `root     ${facts.root}`,
        `trust    document ${facts.trustSerial}, until ${facts.trustExpiresAt}`,
        `agent    ${inWords(running)}`,
        '',
      ].join('\n'),
    );
  return facts.connected ? 0 : 1;
}

function inWords(running: AgentStatus | undefined): string {
  if (!running) return 'not running; run "muster-agent run"';
  const since = new Date(running.sinceMs).toISOString();
  if (running.state === 'connected') return `connected to ${running.url} since ${since}, pid ${running.pid}`;
  if (running.state === 'removing') return `being removed from this host since ${since}, pid ${running.pid}`;
  const why = running.reason === undefined ? '' : `: ${running.reason}`;
  return `running, pid ${running.pid}, not connected since ${since}${why}`;
}
