import type { Role } from '../api/contract.ts';
import { EXIT } from './failure.ts';
import { defined } from './job-body.ts';
import { paintFor } from './output/paint.ts';
import { jsonLine, sanitiseLine } from './output/sanitise.ts';
import { renderTable } from './output/table.ts';
import { formatTime } from './output/time.ts';
import type { Surroundings } from './surroundings.ts';
import { withClient } from './with-client.ts';

interface Json {
  json?: boolean;
}

/** The API token alone goes to stdout; it is shown this once. */
export function add(
  surroundings: Surroundings,
  name: string,
  options: Json & { role: Role; ttl?: number },
): Promise<number> {
  return withClient(surroundings, async (client) => {
    const body = { name, role: options.role, ...defined({ ttlMs: options.ttl }) };
    const reply = await client.call('operators.add', { body });
    const { stdout, stderr } = surroundings;
    stdout.write(options.json ? `${jsonLine(reply)}\n` : `${sanitiseLine(reply.token)}\n`);
    if (!options.json)
      stderr.write(
        `muster: ${sanitiseLine(name)} is ${options.role}; the token is not shown again. They type: muster login ${client.url} --token-file FILE\n`,
      );
    return EXIT.ok;
  });
}

export function ls(surroundings: Surroundings, options: Json): Promise<number> {
  return withClient(surroundings, async (client) => {
    const operators = await client.call('operators.list', {});
    const { stdout, env } = surroundings;
    const rows = operators.map(({ name, role, state, createdAtMs, expiresAtMs, keys }) => [
      name,
      role,
      state,
      formatTime(createdAtMs),
      expiresAtMs === null ? 'never' : formatTime(expiresAtMs),
      keys.length === 0 ? '-' : keys.map((id) => sanitiseLine(id)).join(' '),
    ]);
    const head = ['NAME', 'ROLE', 'STATE', 'ADDED', 'EXPIRES', 'SIGNS WITH'];
    stdout.write(
      options.json ? `${jsonLine(operators)}\n` : renderTable(head, rows, paintFor(stdout.isTerminal, env)),
    );
    return EXIT.ok;
  });
}

export function revoke(surroundings: Surroundings, name: string, options: Json): Promise<number> {
  return withClient(surroundings, async (client) => {
    const reply = await client.call('operators.revoke', { params: { name } });
    const { stdout, stderr } = surroundings;
    stdout.write(options.json ? `${jsonLine(reply)}\n` : `revoked ${sanitiseLine(name)}\n`);
    if (reply.trustedKeys.length === 0) return EXIT.ok;
    stderr.write(
      `muster: the root key is not on the controller: what ${sanitiseLine(name)} signs still counts. Put root.key back into its home, start it again, and type: muster operator untrust ${sanitiseLine(name)}\n`,
    );
    return EXIT.failed;
  });
}
