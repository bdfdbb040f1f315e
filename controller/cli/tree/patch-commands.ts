import type { Command } from 'commander';
import { askOptions, hostOptions } from './options.ts';
import type { Choose } from './program.ts';

/** Updates of packages: what waits, what would be done, and doing it. */
export function patchCommands(program: Command, choose: Choose): void {
  const patch = program
    .command('patch')
    .summary('updates of packages: what waits, what would be done, doing it')
    .description(
      'Updates of packages, host by host: scan says what waits, plan what would be done exactly, apply does that and nothing else.',
    );
  scanCommand(patch, choose);
}

function scanCommand(patch: Command, choose: Choose): void {
  const command = hostOptions(
    patch
      .command('scan')
      .summary('what waits on which hosts')
      .description(
        'Asks the machines that are meant which updates wait, and shows the fleet with the most urgent first: updates of security, held ones, machines that need a reboot, services that still use what was replaced. Hosts on which the same waits share a row.',
      ),
  )
    .option('--hosts', 'a row for each host')
    .option('--packages', 'the other way round: which hosts wait for a package')
    .option('--all', 'leave no row and no name out');
  askOptions(command)
    .option('--json', 'print what each host said as one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  muster patch scan -t all
  muster patch scan -l env=prod --packages
  muster patch scan -t all --json | jq '.hosts[] | select(.rebootNeeded) | .agent'

It changes nothing on a host but the lists of its package manager, which are fetched anew.`,
    )
    .action((options) =>
      choose(async (surroundings) => (await import('../patch/scan-command.ts')).scan(surroundings, options)),
    );
}
