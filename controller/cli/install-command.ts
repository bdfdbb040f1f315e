import { MusterError } from '../../proto/errors.ts';
import type { TrustReply } from '../api/contract.ts';
import type { HostEntry } from '../installer/host.ts';
import type { Client } from './client.ts';
import { CONFIRM_ABOVE } from './dispatch.ts';
import { EXIT, wrongUse } from './failure.ts';
import type { Report } from './install/report.ts';
import { hasPassword, type InstallOptions } from './install/request.ts';
import { checkSecretOptions } from './install/secrets.ts';
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
    const trust = await mayInstall(client, options);
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
  const { stdin, stderr } = surroundings;
  checkSecretOptions(surroundings, options);
  if (options.hostKeyPolicy === 'ask' && (!stdin.isTerminal || !stderr.isTerminal))
    throw wrongUse(
      '--host-key-policy ask: there is no terminal to ask at',
      'put the keys into known_hosts, or use accept-new',
    );
  const { proxy } = options;
  if (proxy === undefined) return;
  const url = URL.canParse(proxy) ? new URL(proxy) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw wrongUse('--proxy is not a URL like http://HOST:PORT');
  if (hasPassword(proxy))
    surroundings.stderr.write(
      'muster: the password in --proxy can be read by everybody on this machine while this runs\n',
    );
}

/** What new agents are to trust. Throws, before any host is touched, where this operator may not let agents in. */
async function mayInstall(client: Client, { check }: InstallOptions): Promise<TrustReply> {
  const { role } = await client.call('whoami', {});
  if (role !== 'admin' && !check)
    throw new MusterError('forbidden', `installing takes an admin, and this is a ${role}`);
  return client.call('fleet.trust', {});
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
