import type { StatusReply, StorageReply } from '../api/contract.ts';
import type { Client } from './client.ts';
import { formatDuration } from './duration.ts';
import { EXIT, Failure } from './failure.ts';
import { type Paint, paintFor } from './output/paint.ts';
import { jsonLine, sanitiseLine } from './output/sanitise.ts';
import { renderProperties } from './output/table.ts';
import { formatTime } from './output/time.ts';
import { fingerprintOf } from './pinning.ts';
import { formatSize } from './size.ts';
import type { Surroundings } from './surroundings.ts';
import { withClient } from './with-client.ts';

const WARN_TRUST_MS = 30 * 86_400_000;

/** Exit status 0 says that the controller is ready and that this operator may use it. */
export function status(surroundings: Surroundings, options: { json?: boolean }): Promise<number> {
  return withClient(surroundings, async (client) => {
    const reply = await client.call('status', {});
    await requireReady(client);
    const { stdout, stderr, env } = surroundings;
    if (options.json) {
      stdout.write(`${jsonLine({ url: client.url, authority: authorityOf(client), ...reply })}\n`);
      return EXIT.ok;
    }
    stdout.write(renderProperties(propertiesOf(reply, client), paintFor(stdout.isTerminal, env)));
    for (const warning of warningsOf(reply))
      stderr.write(`${warn(paintFor(stderr.isTerminal, env))} ${sanitiseLine(warning)}\n`);
    return EXIT.ok;
  });
}

/** What `muster login` elsewhere has to show. */
function authorityOf({ ca }: Client): string | null {
  return ca === undefined ? null : fingerprintOf(ca);
}

const warn = (paint: Paint): string => paint('yellow', 'muster: warning:');

async function requireReady(client: Client): Promise<void> {
  const { ready, checks } = await client.call('ready', {}, { alsoGood: 503 });
  if (ready) return;
  const wrong = Object.entries(checks).filter(([, problem]) => problem !== null);
  throw new Failure(
    EXIT.refused,
    `the controller is not ready: ${wrong.map(([name, problem]) => `${name}: ${problem}`).join('; ')}`,
    'its log has the detail',
  );
}

function propertiesOf(reply: StatusReply, client: Client): [string, string][] {
  const { agents, trust, timeMs } = reply;
  const others: [number, string][] = [
    [agents.pending, 'waiting for approval'],
    [agents.quarantined, 'quarantined'],
  ];
  const more = others.filter(([count]) => count > 0).map(([count, what]) => `, ${count} ${what}`);
  return [
    ['controller', client.url],
    ['authority', authorityOf(client) ?? 'one of this system'],
    ['version', reply.version],
    ['up', `${formatDuration(timeMs - reply.startedAtMs)}, since ${formatTime(reply.startedAtMs)}`],
    ['fleet', reply.fleetId],
    ['root key', reply.rootKeyHere ? "beside the controller's keys" : 'not on the controller'],
    ['trust document', `number ${trust.serial}, until ${formatTime(trust.expiresAtMs)}`],
    ['agents', `${agents.online} of ${agents.known} online${more.join('')}`],
    ['jobs', `${reply.jobs.running} running`],
    ...rolloutsOf(reply.rollouts),
    ...storageOf(reply.storage),
  ];
}

/** Those at which an operator may have to look. */
function rolloutsOf({ open, stopped }: StatusReply['rollouts']): [string, string][] {
  if (open === 0) return [];
  return [['rollouts', `${open} open${stopped === 0 ? '' : `, ${stopped} of them stopped by a failure`}`]];
}

function storageOf(storage: StorageReply): [string, string][] {
  const age = (ms: number | null): string => (ms === null ? 'for ever' : `for ${formatDuration(ms)}`);
  const { freeBytes, oldestJobAtMs, maxOutputBytes, contentBytes } = storage;
  const free = freeBytes === null ? '' : `; ${formatSize(freeBytes)} free on its disk`;
  const oldest = oldestJobAtMs === null ? '' : `, the oldest from ${formatTime(oldestJobAtMs)}`;
  const most = maxOutputBytes === null ? 'without a limit' : `at most ${formatSize(maxOutputBytes)}`;
  return [
    [
      'store',
      `${formatSize(storage.databaseBytes)}, ${formatSize(storage.reusableBytes)} of them free for what comes${free}`,
    ],
    ['history', `jobs ${age(storage.keepJobsMs)}${oldest}`],
    ['output', `${formatSize(storage.outputBytes)}, ${age(storage.keepOutputMs)} and ${most}`],
    ...(contentBytes > 0 ? [['files', formatSize(contentBytes)] satisfies [string, string]] : []),
  ];
}

/** What the controller says, and what its numbers say where it is silent. */
function warningsOf(reply: StatusReply): string[] {
  if (reply.warnings.length > 0) return reply.warnings;
  const warnings = reply.storage.full === null ? [] : [`new jobs are refused: ${reply.storage.full}`];
  if (reply.rootKeyHere)
    warnings.push('whoever takes this controller owns the fleet for good: its root key is still on it');
  const leftMs = reply.trust.expiresAtMs - reply.timeMs;
  if (leftMs < WARN_TRUST_MS)
    warnings.push(
      leftMs < 0
        ? 'the trust document has expired; orders are refused'
        : `the trust document expires in ${formatDuration(leftMs)}`,
    );
  return warnings;
}
