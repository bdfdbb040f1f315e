import type { HostEntry } from '../../installer/host.ts';
import type { Connection } from '../../installer/shell.ts';
import type { InstallPorts } from '../../installer/work.ts';
import type { Client } from '../client.ts';
import { wantsColour } from '../output/paint.ts';
import { sanitiseLine } from '../output/sanitise.ts';
import { createScreen, type Screen } from '../output/screen.ts';
import type { Surroundings } from '../surroundings.ts';
import { createAsk } from './asks.ts';
import { carryOut, type Order } from './carry-out.ts';
import { createConnect } from './connect.ts';
import { createPrompts } from './prompts.ts';
import { createRegistrar } from './registrar.ts';
import type { ReachOptions } from './request.ts';
import { readPasswords } from './secrets.ts';

export interface Hosts {
  readonly client: Client;
  readonly entries: readonly HostEntry[];
  readonly options: ReachOptions;
}

/** What work on a host needs of this machine and of the controller. */
export interface SshPorts extends Pick<InstallPorts, 'registrar' | 'clock' | 'by' | 'connect'> {
  readonly screen: Screen;
  note(sentence: string): void;
}

/** What is done to each host. */
export interface Job extends Pick<Order, 'one' | 'dids' | 'report'> {
  close?(): Promise<void>;
}

const CONCURRENCY = 20;

/** Joins the parts of an install to this machine, and carries it out; returns the exit status. */
export async function overSsh(
  surroundings: Surroundings,
  { client, entries, options }: Hosts,
  jobOf: (ports: SshPorts) => Promise<Job>,
): Promise<number> {
  const { clock, random, stdout, stderr, env } = surroundings;
  const screen = createScreen({ stdout, stderr, clock, live: wantsColour(stderr.isTerminal, env) });
  const note = (sentence: string): void => screen.note(`muster: ${sanitiseLine(sentence)}`);
  const interrupts = new Set<() => void>();
  const prompts = createPrompts({
    ...{ surroundings, hold: screen.hold },
    interrupted() {
      for (const listener of interrupts) listener();
    },
  });
  const passwords = await readPasswords(surroundings, options, prompts);
  const refused = new AbortController();
  const over = new AbortController();
  const ask = createAsk(prompts, passwords);
  const connect = await createConnect(surroundings, options, { ask, prompts, note, signal: over.signal });
  const open = new Set<Connection>();
  const { user, host } = surroundings.whoAndWhere();
  const job = await jobOf({
    ...{ clock, screen, note, by: `${user}@${host}` },
    registrar: createRegistrar({ client, clock, random, refused: (error) => refused.abort(error) }),
    async connect(entry, signal) {
      const connection = await connect(entry, signal);
      open.add(connection);
      connection.gone.addEventListener('abort', () => open.delete(connection), { once: true });
      return connection;
    },
  });
  const { check = false, json = false, concurrency = CONCURRENCY } = options;
  try {
    return await carryOut(surroundings, screen, {
      ...{ ...job, entries, concurrency, check, json, refused: refused.signal },
      interrupted: (listener) => interrupts.add(listener),
    });
  } finally {
    over.abort();
    // Of hosts that were left: a connection that stays would keep this process.
    await Promise.all([...open].map((connection) => connection.close()));
    await job.close?.();
  }
}
