import type { Command } from 'commander';
import { askOptions, hostOptions, targetOptions, viewOptions, whole } from './options.ts';
import type { Choose } from './program.ts';
import { launchOptions, planOptions, settingOptions, waveOptions } from './rollout-commands.ts';

/** Updates of packages: what waits, what would be done, and doing it. */
export function patchCommands(program: Command, choose: Choose): void {
  const patch = program
    .command('patch')
    .summary('updates of packages: what waits, what would be done, and doing it')
    .description(
      'Updates of packages, host by host: scan says what waits, plan what would be done exactly, apply does that and nothing else.',
    );
  scanCommand(patch, choose);
  planCommand(patch, choose);
  showCommand(patch, choose);
  applyCommand(patch, choose);
  historyCommand(patch, choose);
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

function applyCommand(patch: Command, choose: Choose): void {
  const command = patch
    .command('apply')
    .summary('carry out a plan, and nothing else')
    .description(
      'Carries out a plan and nothing else, as a rollout that a controller goes on with also where it was killed in the middle: each host gets exactly the versions of the plan. One whose packages moved since is left as it is, and called drifted; one that fails is brought back to the versions before. All hosts are one wave where no waves are asked for.',
    )
    .requiredOption('--plan <file>', 'the plan, of "muster patch plan -o"')
    .option('--check', 'say how it would go, and start nothing');
  targetOptions(command);
  launchOptions(planOptions(settingOptions(waveOptions(command))))
    .addHelpText(
      'after',
      `
Examples:
  muster patch apply --plan plan.json
  muster patch apply --plan plan.json --canary 1 --wave 25% --max-unavailable 10% --probe-http http://localhost/health
  muster patch apply --plan plan.json -t 'web-*' --max-unavailable 5 --reboot never

Drain, undrain, maintenance windows and probes from elsewhere are said in a file: muster rollout start --help.`,
    )
    .action((options) =>
      choose(async (surroundings) =>
        (await import('../patch/apply-plan-command.ts')).applyPlan(surroundings, options),
      ),
    );
}

function historyCommand(patch: Command, choose: Choose): void {
  const command = hostOptions(
    patch
      .command('history')
      .summary('what was done to packages, by whomever')
      .description(
        'Asks the machines that are meant what was done to their packages, newest first: by Muster, by somebody at a terminal, by the machine itself, as its package manager noted it.',
      ),
  )
    .option('--last <n>', 'so many entries of each host (5 where not said)', whole(1000, 1))
    .option('--all', 'leave no entry and no package out');
  askOptions(command)
    .option('--json', 'print what each host said as one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  muster patch history -t web-1\n  muster patch history -l env=prod --last 1 --json',
    )
    .action((options) =>
      choose(async (surroundings) =>
        (await import('../patch/history-command.ts')).history(surroundings, options),
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
