import { MusterError } from '../../proto/errors.ts';
import type { Target, TargetQuery } from '../api/contract.ts';
import type { Client } from './client.ts';
import { make, showTargets } from './dispatch.ts';
import { EXIT, wrongUse } from './failure.ts';
import type { ReachOptions } from './install/request.ts';
import { type JobOptions, jobBody, selectionOf } from './job-body.ts';
import { hosts, listNames } from './output/summary.ts';
import { resolve, wholeSelection } from './selection.ts';
import { createJob, signingKey } from './signing/create-job.ts';
import type { Surroundings } from './surroundings.ts';
import { withClient } from './with-client.ts';

interface LinkOptions extends JobOptions {
  keepPolicy?: boolean;
}

/** `--user` of a job is not an option here: it is that of SSH. */
export type UninstallOptions = LinkOptions & ReachOptions & { ssh?: boolean };

const NAMES_SHOWN = 40;

/** Asked for once, however few they are, since nothing undoes it. */
export async function uninstall(
  surroundings: Surroundings,
  hosts: readonly string[],
  options: UninstallOptions,
): Promise<number> {
  const { stdin, stderr } = surroundings;
  if (!options.yes && !options.list && !(stdin.isTerminal && stderr.isTerminal))
    throw wrongUse('uninstalling cannot be undone, and nobody can be asked here', 'say --yes');
  refuseForeign(options.ssh ? LINK_ONLY : SSH_ONLY, options);
  if (options.ssh) {
    const { uninstallOverSsh } = await import('./install/uninstall-on.ts');
    return uninstallOverSsh(surroundings, hosts, options);
  }
  if (hosts.length > 0) throw wrongUse('hosts by themselves are for --ssh', 'name agents with -t or -l');
  return overLink(surroundings, options);
}

const LINK_ONLY = {
  ...{ targets: '-t', selector: '-l', failedOf: '--failed-of', seed: '--seed', batch: '--batch' },
  ...{
    maxFailures: '--max-failures',
    timeout: '--timeout',
    ttl: '--ttl',
    list: '--list',
    reason: '--reason',
  },
  ...{ idempotencyKey: '--idempotency-key', detach: '--detach', fold: '--fold' },
} as const;
const SSH_ONLY = {
  ...{ inventory: '-i', user: '--user', port: '--port', identity: '--identity', sudo: '--sudo' },
  ...{ askPassword: '--ask-password', passwordFile: '--password-file', concurrency: '--concurrency' },
  ...{ askSudoPassword: '--ask-sudo-password', sudoPasswordFile: '--sudo-password-file' },
  ...{ hostKeyPolicy: '--host-key-policy', connectTimeout: '--connect-timeout' },
} as const;

function refuseForeign(names: Readonly<Record<string, string>>, options: UninstallOptions): void {
  const given = Object.keys(options).find((key) => Object.hasOwn(names, key));
  if (given !== undefined)
    throw wrongUse(`${names[given]} is ${names === SSH_ONLY ? 'for --ssh alone' : 'not for --ssh'}`);
}

/** Agents remove themselves from their hosts, over their own link. */
function overLink(surroundings: Surroundings, options: LinkOptions): Promise<number> {
  const { stderr } = surroundings;
  return withClient(surroundings, async (client) => {
    const asked = await wholeSelection(client, await selectionOf(surroundings, options));
    if (options.list) return showTargets(surroundings, client, asked, options);
    const selection = options.yes ? asked : await confirmed(surroundings, client, asked);
    if (!selection) {
      stderr.write('muster: nothing was done\n');
      return EXIT.wrongUse;
    }
    const task = { uninstall: options.keepPolicy ? { keepPolicy: true } : {} };
    const body = jobBody(selection, [task], options);
    const key = await signingKey(surroundings, options);
    let meant = 0;
    const status = await make(
      surroundings,
      client,
      selection,
      { ...options, yes: true },
      async (idempotencyKey) => {
        const created = await createJob(surroundings, client, body, { ...options, idempotencyKey, key });
        meant = created.targets.length;
        return created;
      },
    );
    // What went well is silent otherwise, which is not what anybody wants of this.
    if (status === EXIT.ok && !options.detach && !options.json)
      stderr.write(`muster: ${hosts(meant)} out of the fleet; the rest is removed there now\n`);
    return status;
  });
}

/** Who was named in the question, and nobody who came meanwhile; undefined: no. */
async function confirmed(
  { stderr, ask }: Surroundings,
  client: Client,
  asked: TargetQuery,
): Promise<TargetQuery | undefined> {
  const meant = await resolve(client, asked);
  if (meant.length === 0) throw new MusterError('nobody-matched');
  const names = meant.map(({ name }) => name);
  stderr.write(`${hosts(meant.length)}: ${listNames(names, NAMES_SHOWN)}${offline(meant)}\n`);
  const answer = await ask(
    "Remove Muster's agent from them, with its keys, and from the fleet? This cannot be undone. [y/N] ",
  );
  return /^y(es)?$/i.test(answer.trim()) ? { targets: names.join(',') } : undefined;
}

function offline(meant: readonly Target[]): string {
  const off = meant.filter(({ online }) => !online).length;
  return off === 0 ? '' : `\n${hosts(off)} of them cannot be reached now, and will keep it`;
}
