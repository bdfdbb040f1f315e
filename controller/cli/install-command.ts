import { labelProblem } from '../../proto/name.ts';
import type { HostEntry } from '../installer/host.ts';
import { CONFIRM_ABOVE } from './dispatch.ts';
import { EXIT, wrongUse } from './failure.ts';
import { checkReach } from './install/check-reach.ts';
import { mayChangeAgents } from './install/may-change-agents.ts';
import type { Report } from './install/report.ts';
import type { InstallOptions } from './install/request.ts';

import { sanitiseLine } from './output/sanitise.ts';
import { hosts as countOf, listNames } from './output/summary.ts';
import type { Surroundings } from './surroundings.ts';
import { withClient } from './with-client.ts';

/** Installs agents over SSH; returns the exit status. */
export async function install(
  surroundings: Surroundings,
  hosts: readonly string[],
  given: InstallOptions,
): Promise<number> {
  const earlier = await readEarlier(given.resume);
  const options: InstallOptions = { ...earlier?.options, ...given };
  checkOptions(surroundings, options);
  // What only an install needs is loaded once its line was understood.
  const { readEntries } = await import('./install/read-entries.ts');
  const entries = await readEntries(surroundings, hosts, options, earlier);
  return withClient(surroundings, async (client) => {
    const trust = await mayChangeAgents(client, options.check);
    // It may have moved; or this operator has several, and those that are done are in another fleet.
    if (earlier && earlier.controller !== client.url)
      surroundings.stderr.write(
        `muster: note: the report is of ${sanitiseLine(earlier.controller)}, and this goes on with ${client.url}\n`,
      );
    if (!(await confirmed(surroundings, entries, options))) {
      surroundings.stderr.write('muster: nothing was done\n');
      return EXIT.wrongUse;
    }
    const { installOn } = await import('./install/install-on.ts');
    return installOn(surroundings, { client, trust, entries, options, earlier });
  });
}

async function readEarlier(file: string | undefined): Promise<Report | undefined> {
  if (file === undefined) return undefined;
  const { readReport } = await import('./install/report-shape.ts');
  return readReport(file);
}

/** Told before anything is done. */
function checkOptions(surroundings: Surroundings, options: InstallOptions): void {
  checkReach(surroundings, options);
  for (const [key, value] of Object.entries(options.label ?? {})) {
    const problem = labelProblem(key, value);
    if (problem) throw wrongUse(`--label ${key}=${value}: ${problem}`);
  }
  checkProxy(options);
}

function checkProxy({ proxy, proxyAuthFile }: InstallOptions): void {
  if (proxy === undefined) {
    if (proxyAuthFile !== undefined) throw wrongUse('--proxy-auth-file is for a --proxy');
    return;
  }
  const url = URL.canParse(proxy) ? new URL(proxy) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw wrongUse('--proxy is not a URL like http://HOST:PORT');
  if (url.password !== '')
    throw wrongUse(
      'a password in --proxy can be read by everybody on this machine',
      'put user:password into a file: --proxy-auth-file FILE',
    );
}

async function confirmed(
  surroundings: Surroundings,
  entries: readonly HostEntry[],
  { yes, check }: InstallOptions,
): Promise<boolean> {
  const { stdin, stderr } = surroundings;
  if (yes || check || entries.length <= CONFIRM_ABOVE || !stdin.isTerminal || !stderr.isTerminal) return true;
  const names = listNames(
    entries.map(({ written }) => written),
    8,
  );
  stderr.write(`This installs agents on ${countOf(entries.length)}: ${names}\n`);
  return /^y(es)?$/i.test((await surroundings.ask('Go on? [y/N] ')).trim());
}
