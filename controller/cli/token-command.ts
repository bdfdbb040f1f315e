import type { Labels } from '../api/contract.ts';
import { renderLabels } from './agents-command.ts';
import { EXIT, wrongUse } from './failure.ts';
import { defined } from './job-body.ts';
import { paintFor } from './output/paint.ts';
import { jsonLine, sanitiseLine } from './output/sanitise.ts';
import { renderTable } from './output/table.ts';
import { formatTime } from './output/time.ts';
import type { Surroundings } from './surroundings.ts';
import type { ScriptOptions } from './token-script.ts';
import { withClient } from './with-client.ts';

interface Json {
  json?: boolean;
}

export interface CreateOptions extends Json {
  ttl?: number;
  label?: Labels;
  allowLabel?: string[];
  uses?: number;
  approve?: 'auto' | 'manual';
  name?: string;
  script?: boolean;
}

/** What a token is good for where nothing is said, as the controller has it. */
const TTL_MS = 15 * 60_000;

/** The token alone goes to stdout, so that `> join.token` makes the file that an agent joins with; or the script that holds it. */
export function create(surroundings: Surroundings, options: CreateOptions & ScriptOptions): Promise<number> {
  const { arch, runtime, service, proxy } = options;
  const isOfScript = [arch, runtime, service, proxy].some((one) => one !== undefined);
  if (isOfScript && !options.script)
    throw wrongUse('--arch, --service, --proxy and --runtime say what is in a script', 'add --script');
  return withClient(surroundings, async (client) => {
    const { ttl, label, allowLabel, uses, approve, name } = options;
    const body = defined({ ttlMs: ttl, labels: label, allowLabels: allowLabel, uses, approve, name });
    const { stdout, stderr } = surroundings;
    if (options.script) {
      const { createScript } = await import('./token-script.ts');
      const ttlMs = ttl ?? TTL_MS;
      const token = { ttlMs, name, isManual: approve === 'manual' };
      const made = await createScript(surroundings, client, options, token, () =>
        client.call('tokens.create', { body: { ...body, ttlMs } }),
      );
      const { reply, script } = made;
      stdout.write(options.json ? `${jsonLine({ ...reply, script })}\n` : script);
      if (!options.json)
        stderr.write(
          `muster: the script holds token ${sanitiseLine(reply.id)}, good until ${formatTime(reply.expiresAtMs)}: keep it as a password; on the new machine, as root: sh FILE\n`,
        );
      return EXIT.ok;
    }
    const reply = await client.call('tokens.create', { body });
    stdout.write(options.json ? `${jsonLine(reply)}\n` : `${sanitiseLine(reply.token)}\n`);
    if (!options.json)
      stderr.write(
        `muster: token ${sanitiseLine(reply.id)}, good until ${formatTime(reply.expiresAtMs)}; on the new machine: muster-agent join --token-file FILE\n`,
      );
    return EXIT.ok;
  });
}

export function ls(surroundings: Surroundings, options: Json): Promise<number> {
  return withClient(surroundings, async (client) => {
    const tokens = await client.call('tokens.list', {});
    const { stdout, env } = surroundings;
    const rows = tokens.map((token) => [
      token.id,
      token.state,
      `${token.used}/${token.uses}`,
      formatTime(token.expiresAtMs),
      token.createdBy,
      token.approve,
      token.name ?? '',
      renderLabels(token.labels),
    ]);
    const head = ['TOKEN', 'STATE', 'USED', 'EXPIRES', 'BY', 'APPROVE', 'NAME', 'LABELS'];
    stdout.write(
      options.json ? `${jsonLine(tokens)}\n` : renderTable(head, rows, paintFor(stdout.isTerminal, env)),
    );
    return EXIT.ok;
  });
}

export function revoke(surroundings: Surroundings, id: string, options: Json): Promise<number> {
  return withClient(surroundings, async (client) => {
    const reply = await client.call('tokens.revoke', { params: { id } });
    surroundings.stdout.write(options.json ? `${jsonLine(reply)}\n` : `revoked ${sanitiseLine(id)}\n`);
    return EXIT.ok;
  });
}
