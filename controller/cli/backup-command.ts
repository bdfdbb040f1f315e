import { PassThrough } from 'node:stream';
import { MusterError } from '../../proto/errors.ts';
import { EXIT, Failure } from './failure.ts';
import { homeOf } from './home.ts';
import { jsonLine, sanitiseLine } from './output/sanitise.ts';
import { formatTime } from './output/time.ts';
import { formatSize } from './size.ts';
import type { Surroundings } from './surroundings.ts';

export interface BackupOptions {
  force?: boolean;
  withContents?: boolean;
  json?: boolean;
}

/** On the controller's machine, beside it: what it writes holds the keys, which no door of the controller gives away. */
export async function backup(
  surroundings: Surroundings,
  file: string,
  options: BackupOptions,
): Promise<number> {
  const { stdout, stderr, clock, random } = surroundings;
  if (file === '-' && stdout.isTerminal)
    throw new Failure(EXIT.wrongUse, 'a backup is no text', 'send it on: muster backup - | …');
  if (file === '-' && options.json) throw new Failure(EXIT.wrongUse, '--json needs a file');
  const note = (text: string): void => stderr.write(`muster: ${text}\n`);
  const stopping = new AbortController();
  const off = surroundings.onStop(() =>
    stopping.abort(new Failure(EXIT.detached, 'stopped; there is no backup')),
  );
  try {
    const { makeBackup } = await import('../backup/backup.ts');
    const { withContents = false, force = false } = options;
    const request = { home: homeOf(surroundings), force, withContents, clock, random, note };
    const made = await makeBackup({
      ...request,
      to: file === '-' ? toStdout(surroundings) : file,
      stopping: stopping.signal,
    });
    note('it holds the keys of the fleet: whoever can read it owns the fleet');
    if (!withContents) note('files that were uploaded are not in it; --with-contents takes them along');
    const { fleetId, madeAtMs, bytes, schema, audit } = made;
    const said = { file, fleetId, madeAtMs, bytes, schema, parts: made.parts.length, audit };
    if (options.json) stdout.write(`${jsonLine(said)}\n`);
    else if (file !== '-') stdout.write(`${sanitiseLine(file)}: ${formatSize(bytes)}\n`);
    return EXIT.ok;
  } finally {
    off();
  }
}

/** As fast as stdout takes it. */
function toStdout({ stdout, closed }: Surroundings): PassThrough {
  const bytes = new PassThrough();
  const pass = async (): Promise<void> => {
    for await (const piece of bytes as AsyncIterable<Uint8Array>) {
      if (closed.aborted) throw new MusterError('store-failed', 'nobody reads standard output any more');
      stdout.write(piece);
      await stdout.settled();
    }
  };
  pass().catch((error: Error) => bytes.destroy(error));
  return bytes;
}

export interface RestoreOptions {
  home?: string;
  force?: boolean;
  json?: boolean;
}

export async function restore(
  surroundings: Surroundings,
  file: string,
  options: RestoreOptions,
): Promise<number> {
  const { stdout, stderr, clock, random } = surroundings;
  const note = (text: string): void => stderr.write(`muster: ${text}\n`);
  const { restoreBackup } = await import('../backup/restore.ts');
  const home = options.home ?? homeOf(surroundings);
  const restored = await restoreBackup({
    ...{ home, from: file, force: options.force ?? false, clock, random, note },
  });
  if (options.json) {
    stdout.write(`${jsonLine({ home, ...restored })}\n`);
    return EXIT.ok;
  }
  const { agents, operators, openJobs, runsSent, runsLost, tokensRevoked, movedTo } = restored;
  stdout.write(
    [
      `restored ${home} as it was on ${formatTime(restored.madeAtMs)}: fleet ${restored.fleetId}, ${agents} agents`,
      ...(movedTo === null ? [] : [`the old home is in ${movedTo}`]),
      `open join tokens revoked: ${tokensRevoked}`,
      `runs that may have been sent since: ${runsSent} are asked for, ${runsLost} are lost unless a report comes`,
      `valid again, also if revoked since: operators ${operators.map(sanitiseLine).join(', ') || 'none'}`,
      `not over, also if cancelled since: ${openJobs.length} jobs${openJobs.length > 0 ? `: ${listed(openJobs)}` : ''}`,
      'start it with "muster serve"; agents that joined since have to join again',
      '',
    ].join('\n'),
  );
  return EXIT.ok;
}

function listed(ids: readonly string[]): string {
  const shown = ids.slice(0, 10).map((id) => id.slice(0, 12));
  return ids.length > 10 ? `${shown.join(', ')} and ${ids.length - 10} more` : shown.join(', ');
}
