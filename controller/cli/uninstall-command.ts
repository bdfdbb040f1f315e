import { MusterError } from '../../proto/errors.ts';
import type { Target, TargetQuery } from '../api/contract.ts';
import type { Client } from './client.ts';
import { make, showTargets } from './dispatch.ts';
import { EXIT, wrongUse } from './failure.ts';
import { type JobOptions, jobBody, selectionOf } from './job-body.ts';
import { hosts, listNames } from './output/summary.ts';
import { resolve, wholeSelection } from './selection.ts';
import type { Surroundings } from './surroundings.ts';
import { withClient } from './with-client.ts';

export interface UninstallOptions extends JobOptions {
  keepPolicy?: boolean;
}

const NAMES_SHOWN = 40;

/** Agents remove themselves from their hosts, over their own link; asked for once, however few they are, since nothing undoes it. */
export function uninstall(surroundings: Surroundings, options: UninstallOptions): Promise<number> {
  const { stdin, stderr } = surroundings;
  if (!options.yes && !options.list && !(stdin.isTerminal && stderr.isTerminal))
    throw wrongUse('uninstalling cannot be undone, and nobody can be asked here', 'say --yes');
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
    return make(surroundings, client, selection, { ...options, yes: true }, (idempotencyKey) =>
      client.call('jobs.create', { body }, { idempotencyKey }),
    );
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
