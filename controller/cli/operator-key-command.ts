import { EXIT, wrongUse } from './failure.ts';
import { keyFileOf } from './home.ts';
import { jsonLine, sanitiseLine } from './output/sanitise.ts';
import type { Surroundings } from './surroundings.ts';
import { withClient } from './with-client.ts';

interface Json {
  json?: boolean;
}

/** Prints the public half of the key of this context, alone; makes the key where there is none. */
export async function key(
  surroundings: Surroundings,
  options: Json & { replace?: boolean },
): Promise<number> {
  const { stdout, stderr } = surroundings;
  const { encodePublicKey, makeKey, readKey } = await import('./signing/operator-key.ts');
  const before = await readKey(surroundings).catch((error: unknown) => {
    if (options.replace) return undefined;
    throw error;
  });
  const isNew = !before || options.replace === true;
  const own = isNew
    ? await withClient(surroundings, async (client) => {
        const { fleetId } = await client.call('status', {});
        return makeKey(surroundings, fleetId);
      })
    : before;
  const publicKey = encodePublicKey(own.publicKey);
  const file = keyFileOf(surroundings);
  stdout.write(
    options.json ? `${jsonLine({ publicKey, keyId: own.id, file, made: isNew })}\n` : `${publicKey}\n`,
  );
  if (!options.json && isNew)
    stderr.write(
      `muster: made; kept in ${file}, which is yours alone. An admin types: muster operator trust NAME --key ${publicKey}\n`,
    );
  return EXIT.ok;
}

export async function trust(
  surroundings: Surroundings,
  name: string,
  options: Json & { key: string },
): Promise<number> {
  const { parsePublicKey } = await import('./signing/operator-key.ts');
  const publicKey = Buffer.from(parsePublicKey(options.key)).toString('hex');
  return withClient(surroundings, async (client) => {
    const reply = await client.call('operators.trust', { params: { name }, body: { publicKey } });
    surroundings.stdout.write(
      options.json ? `${jsonLine(reply)}\n` : `what ${sanitiseLine(name)} signs with ${reply.keyId} counts\n`,
    );
    return EXIT.ok;
  });
}

export function untrust(
  surroundings: Surroundings,
  name: string,
  options: Json & { keyId?: string },
): Promise<number> {
  if (options.keyId !== undefined && !/^[0-9a-f]{32}$/.test(options.keyId))
    throw wrongUse('--key-id is not the id of a key', '"muster operator ls" shows them');
  return withClient(surroundings, async (client) => {
    const query = options.keyId === undefined ? {} : { keyId: options.keyId };
    const reply = await client.call('operators.untrust', { params: { name }, query });
    surroundings.stdout.write(
      options.json
        ? `${jsonLine(reply)}\n`
        : reply.revokedKeys.map((id) => `revoked ${sanitiseLine(id)}\n`).join(''),
    );
    return EXIT.ok;
  });
}
