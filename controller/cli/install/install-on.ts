import type { TrustReply } from '../../api/contract.ts';
import { buildsFolder, createBuilds } from '../../installer/builds/builds.ts';
import type { HostEntry } from '../../installer/host.ts';
import { installHost } from '../../installer/install.ts';
import type { Connection } from '../../installer/shell.ts';
import type { Client } from '../client.ts';
import { explain } from '../failure.ts';
import { writePrivate } from '../files.ts';
import { wantsColour } from '../output/paint.ts';
import { sanitiseLine } from '../output/sanitise.ts';
import { createScreen, type Screen } from '../output/screen.ts';
import type { Surroundings } from '../surroundings.ts';
import { createAsk } from './asks.ts';
import { carryOut } from './carry-out.ts';
import { createConnect } from './connect.ts';
import { createPrompts } from './prompts.ts';
import { createRegistrar } from './registrar.ts';
import { openReport, type Report, type ReportFile, waitingHost } from './report.ts';
import { reportPath } from './report-path.ts';
import { type InstallOptions, keptOf } from './request.ts';
import { readPasswords } from './secrets.ts';

export interface InstallRequest {
  readonly client: Client;
  readonly trust: TrustReply;
  readonly entries: readonly HostEntry[];
  readonly options: InstallOptions;
  /** Of the install that this one goes on with. */
  readonly earlier: Report | undefined;
}

const CONCURRENCY = 20;

/** Joins the parts of an install to this machine and to the controller, and carries it out. */
export async function installOn(surroundings: Surroundings, request: InstallRequest): Promise<number> {
  const { clock, random, stdout, stderr, env } = surroundings;
  const { client, trust, entries, options } = request;
  const { check = false, service = 'auto', proxy, replace = false, concurrency = CONCURRENCY } = options;
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
  const report = await reportOf(surroundings, screen, request);
  const refused = new AbortController();
  const over = new AbortController();
  const builds = createBuilds({
    ...{ folder: buildsFolder(surroundings), now: clock.now, archives: options.runtime ?? [], env, note },
    node: { path: process.execPath, version: process.version },
  });
  const ask = createAsk(prompts, passwords);
  const connect = await createConnect(surroundings, options, { ask, prompts, note, signal: over.signal });
  const open = new Set<Connection>();
  const { user, host } = surroundings.whoAndWhere();
  const ports = {
    ...{ trust, builds, clock, by: `${user}@${host}` },
    settings: { service, proxy, replace, check },
    registrar: createRegistrar({ client, clock, random, refused: (error) => refused.abort(error) }),
    async connect(entry: HostEntry, signal: AbortSignal) {
      const connection = await connect(entry, signal);
      open.add(connection);
      connection.gone.addEventListener('abort', () => open.delete(connection), { once: true });
      return connection;
    },
  };
  try {
    return await carryOut(surroundings, screen, {
      ...{ entries, concurrency, check, json: options.json ?? false, report, refused: refused.signal },
      install: (entry, work) => installHost(entry, ports, work),
      interrupted: (listener) => interrupts.add(listener),
    });
  } finally {
    over.abort();
    // Of hosts that were left: a connection that stays would keep this process.
    await Promise.all([...open].map((connection) => connection.close()));
    await builds.close();
  }
}

/** Under --check only where it is asked for. */
async function reportOf(
  surroundings: Surroundings,
  screen: Screen,
  { client, entries, options, earlier }: InstallRequest,
): Promise<ReportFile | undefined> {
  if (options.check && options.report === undefined) return undefined;
  const { clock } = surroundings;
  const hosts = new Map((earlier?.hosts ?? []).map((host) => [host.host, host]));
  for (const entry of entries) hosts.set(entry.written, waitingHost(entry));
  return openReport({
    path: await reportPath(surroundings, options.report ?? options.resume),
    head: { version: 1, startedAtMs: clock.now(), controller: client.url, options: keptOf(options) },
    ...{ hosts: [...hosts.values()], clock, write: writePrivate },
    broken: (error) => screen.note(`muster: the report is not written any more: ${explain(error).message}`),
  });
}
