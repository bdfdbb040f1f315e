import type { TrustReply } from '../../api/contract.ts';
import { installHost } from '../../installer/install.ts';
import { explain } from '../failure.ts';
import { writePrivate } from '../files.ts';
import { openBuilds } from '../open-builds.ts';
import type { Screen } from '../output/screen.ts';
import type { Surroundings } from '../surroundings.ts';
import { type Hosts, overSsh } from './over-ssh.ts';
import { openReport, type Report, type ReportFile, waitingHost } from './report.ts';
import { reportPath } from './report-path.ts';
import { type InstallOptions, keptOf } from './request.ts';
import { proxyOf } from './secrets.ts';

export interface InstallRequest extends Hosts {
  readonly trust: TrustReply;
  readonly options: InstallOptions;
  /** Of the install that this one goes on with. */
  readonly earlier: Report | undefined;
}

/** Installs on all of the hosts; returns the exit status. */
export function installOn(surroundings: Surroundings, request: InstallRequest): Promise<number> {
  const { trust, options } = request;
  const { check = false, service = 'auto', replace = false } = options;
  return overSsh(surroundings, request, async ({ screen, note, ...ssh }) => {
    const proxy = await proxyOf(surroundings, options);
    const builds = openBuilds(surroundings, options.runtime, note);
    const ports = { ...ssh, trust, builds, settings: { service, proxy, replace, check } };
    return {
      dids: ['installed', 'upgraded', 'repaired', 'unchanged'],
      report: await reportOf(surroundings, screen, request),
      one: (entry, work) => installHost(entry, ports, work),
      close: builds.close,
    };
  });
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
