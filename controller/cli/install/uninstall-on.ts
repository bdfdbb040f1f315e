import { uninstallHost } from '../../installer/uninstall.ts';
import { EXIT } from '../failure.ts';
import { hosts as countOf, listNames } from '../output/summary.ts';
import type { Surroundings } from '../surroundings.ts';
import { withClient } from '../with-client.ts';
import { checkReach } from './check-reach.ts';
import { mayChangeAgents } from './may-change-agents.ts';
import { overSsh } from './over-ssh.ts';
import { readEntries } from './read-entries.ts';
import type { ReachOptions } from './request.ts';

/** Removes agents over SSH, and from the fleet; returns the exit status. */
export async function uninstallOverSsh(
  surroundings: Surroundings,
  hosts: readonly string[],
  options: ReachOptions & { keepPolicy?: boolean },
): Promise<number> {
  checkReach(surroundings, options);
  const entries = await readEntries(surroundings, hosts, options);
  return withClient(surroundings, async (client) => {
    const trust = await mayChangeAgents(client);
    if (!options.yes) {
      const names = entries.map(({ written }) => written);
      surroundings.stderr.write(`${countOf(names.length)}: ${listNames(names, NAMES_SHOWN)}\n`);
      const answer = await surroundings.ask(
        "Remove Muster's agent from them, with its keys, and from the fleet? This cannot be undone. [y/N] ",
      );
      if (!/^y(es)?$/i.test(answer.trim())) {
        surroundings.stderr.write('muster: nothing was done\n');
        return EXIT.wrongUse;
      }
    }
    const { keepPolicy = false } = options;
    return overSsh(surroundings, { client, entries, options }, async (ssh) => ({
      dids: ['removed', 'absent'],
      report: undefined,
      one: (entry, work) => uninstallHost(entry, { ...ssh, trust, keepPolicy }, work),
    }));
  });
}

const NAMES_SHOWN = 40;
