import { EXIT, wrongUse } from './failure.ts';
import { paintFor } from './output/paint.ts';
import { jsonLine, sanitiseLine } from './output/sanitise.ts';
import { renderTable } from './output/table.ts';
import { formatTime } from './output/time.ts';
import type { Surroundings } from './surroundings.ts';
import { withClient } from './with-client.ts';

interface Json {
  json?: boolean;
}

const PAGE = 1000;

/** The newest entries, or all after `after`; oldest first, as the chain has them. */
export function ls(
  surroundings: Surroundings,
  options: Json & { after?: number; limit: number },
): Promise<number> {
  return withClient(surroundings, async (client) => {
    const { stdout, env } = surroundings;
    const head = await client.call('audit.head', {});
    let after = options.after ?? Math.max(0, head.seq - options.limit);
    const entries = [];
    while (entries.length < options.limit) {
      const limit = Math.min(PAGE, options.limit - entries.length);
      const page = await client.call('audit.list', { query: { after, limit } });
      entries.push(...page);
      after = page.at(-1)?.seq ?? after;
      if (page.length < limit) break;
    }
    if (options.json) for (const entry of entries) stdout.write(`${jsonLine(entry)}\n`);
    else {
      const rows = entries.map((entry) => [
        String(entry.seq),
        formatTime(entry.atMs),
        entry.actor,
        entry.action,
        entry.subject ?? '',
        Object.keys(entry.detail).length === 0 ? '' : JSON.stringify(entry.detail),
      ]);
      stdout.write(
        renderTable(
          ['SEQ', 'TIME', 'BY', 'ACTION', 'SUBJECT', 'DETAIL'],
          rows,
          paintFor(stdout.isTerminal, env),
        ),
      );
    }
    return EXIT.ok;
  });
}

/** `SEQ:HASH`, to be kept where nobody who can write to the controller can write. */
export function head(surroundings: Surroundings, options: Json): Promise<number> {
  return withClient(surroundings, async (client) => {
    const reply = await client.call('audit.head', {});
    surroundings.stdout.write(
      options.json ? `${jsonLine(reply)}\n` : `${reply.seq}:${sanitiseLine(reply.hash)}\n`,
    );
    return EXIT.ok;
  });
}

/** A chain that does not hold is a failure (exit status 1). */
export function verify(surroundings: Surroundings, options: Json & { since?: string }): Promise<number> {
  const { since } = options;
  if (since !== undefined && !/^\d+:[0-9a-f]+$/.test(since))
    throw wrongUse(`--since "${since}" is not SEQ:HASH`, '"muster audit head" prints one');
  return withClient(surroundings, async (client) => {
    const reply = await client.call('audit.verify', { query: since === undefined ? {} : { since } });
    const { stdout, stderr } = surroundings;
    const paint = paintFor(stdout.isTerminal, surroundings.env);
    if (options.json) stdout.write(`${jsonLine(reply)}\n`);
    else if (reply.ok)
      stdout.write(`${paint('green', 'the audit log is whole')}: ${reply.checked} entries checked\n`);
    else if (reply.firstBad)
      stdout.write(
        `${paint('red', 'the audit log was changed')}: entry ${reply.firstBad.seq}: ${sanitiseLine(reply.firstBad.why)}\n`,
      );
    else stdout.write(`${paint('red', 'the audit log was changed')}\n`);
    if (!options.json && reply.ok && !reply.tailChecked)
      stderr.write(
        'muster: entries cut off the end cannot be seen; keep "muster audit head" elsewhere and use --since\n',
      );
    return reply.ok ? EXIT.ok : EXIT.failed;
  });
}
