import type { Slot } from '../../proto/slots.ts';

/** Where Muster installed an agent: the folder with its slots, and the one that it was started from. */
export interface Installed {
  readonly folder: string;
  readonly slot: Slot;
}

/** As the launcher says it; undefined for an agent that was started in another way, from a checkout for instance. */
export function installedBy(env: Readonly<Record<string, string | undefined>>): Installed | undefined {
  const { MUSTER_AGENT_PROGRAM: folder, MUSTER_AGENT_SLOT: slot } = env;
  if (!folder?.startsWith('/') || (slot !== 'a' && slot !== 'b')) return undefined;
  return { folder, slot };
}
