import { type Client, createClient } from './client.ts';
import { readContext } from './context.ts';
import type { Surroundings } from './surroundings.ts';

/** Calls `use` with a client for the controller of this context, and lets go of its connections afterwards. */
export async function withClient<T>(
  surroundings: Surroundings,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const client = createClient(await readContext(surroundings));
  try {
    return await use(client);
  } finally {
    client.close();
  }
}
