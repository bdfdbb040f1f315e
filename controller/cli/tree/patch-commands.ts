import type { Command } from 'commander';
import { askOptions, hostOptions, viewOptions } from './options.ts';
import type { Choose } from './program.ts';

/** Updates of packages: what waits, what would be done, and doing it. */
export function patchCommands(program: Command, choose: Choose): void {
  const patch = program
    .command('patch')
    .summary('updates of packages: what waits, and what would be done')
    .description('Updates of packages, host by host: scan says what waits, plan what would be done exactly.');
  scanCommand(patch, choose);
  planCommand(patch, choose);
  showCommand(patch, choose);
  holdCommand(patch, choose, 'hold');
  holdCommand(patch, choose, 'unhold');
}

const names = (text: string, previous: string[] | true | undefined): string[] => [
  ...(Array.isArray(previous) ? previous : []),
  ...text.split(',').map((name) => name.trim()),
];

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

function planCommand(patch: Command, choose: Choose): void {
  const command = hostOptions(
    patch
      .command('plan')
      .summary('what would be done exactly, host by host')
      .description(
        'Asks the machines that are meant what an upgrade would do there: each package from which version to which, what comes and what goes, whether there is a way back, the download, a reboot, services. Hosts with the same transaction are shown together. With -o it is kept in a file, whose digest shows whether somebody edited it.',
      ),
  )
    .option('-o, --out <file>', 'keep the plan in this file')
    .option('--force', 'replace a file that is there')
    .option('--security', 'only updates of security')
    .option('--only <packages>', 'only these, with what they need; with commas, or several times', names)
    .option('--exclude <packages>', 'all but these', names)
    .option(
      '--allow-removals [packages]',
      'packages may be removed, any or only these; without it a host that would lose one is left out',
      names,
    );
  planView(askOptions(command))
    .option('--json', 'print the plan as one JSON object, as it is in the file')
    .addHelpText(
      'after',
      `
Examples:
  muster patch plan -t 'web-*' -o plan.json
  muster patch plan -l env=prod --security -o security.json
  muster patch plan -t all --only openssl,libssl3 --packages
  muster patch plan -t db-1 --exclude postgresql-16 --allow-removals libold

It changes nothing on a host but the lists of its package manager. The digest in the file is over all of its content: what
was edited is refused.`,
    )
    .action((options) =>
      choose(async (surroundings) => (await import('../patch/plan-command.ts')).plan(surroundings, options)),
    );
}

function planView(command: Command): Command {
  return command
    .option('--packages', 'the other way round: which hosts get which package')
    .option('--all', 'leave no group, no package and no name out');
}

function showCommand(patch: Command, choose: Choose): void {
  planView(
    patch
      .command('show')
      .summary('print a plan again')
      .description('Prints a plan that was kept in a file, once its digest was found right.')
      .argument('<file>', 'the plan'),
  )
    .option('--json', 'print it as one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  muster patch show plan.json\n  muster patch show plan.json --packages --all',
    )
    .action((file: string, options) =>
      choose(async (surroundings) =>
        (await import('../patch/plan-command.ts')).show(surroundings, file, options),
      ),
    );
}

function holdCommand(patch: Command, choose: Choose, action: 'hold' | 'unhold'): void {
  const keeps =
    action === 'hold'
      ? 'Keeps packages at the version that they have'
      : 'Lets held packages be updated again';
  viewOptions(
    hostOptions(
      patch
        .command(action)
        .description(`${keeps}, on the machines that are meant.`)
        .argument('<package...>', 'their names'),
    ),
  )
    .addHelpText('after', `\nExample:\n  muster patch ${action} -t 'db-*' postgresql-16`)
    .action((packages: string[], options) =>
      choose(async (surroundings) =>
        (await import('../patch/hold-command.ts')).hold(surroundings, action, packages, options),
      ),
    );
}
