import { type Command, Option } from 'commander';
import { LIMITS } from '../../../proto/limits.ts';
import { GATE_SETTINGS, SETTINGS, type Setting } from '../rollout/settings.ts';
import { duration, parser, several, share, signOptions, targetOptions, whole } from './options.ts';
import type { Choose } from './program.ts';

/** A change carried through the fleet in waves. */
export function rolloutCommands(program: Command, choose: Choose): void {
  const rollout = program
    .command('rollout')
    .summary('changes in waves, with gates between them and a way back')
    .description(
      'Carries a change through the fleet in waves: a plan of patches, a bundle of tasks, a file, or new agents. Between waves stand gates; a host that fails is brought back, and nothing further begins. Without a subcommand: ls.',
    );
  startCommand(rollout, choose);
  checkCommand(rollout, choose);
  lsCommand(rollout, choose);
  showCommand(rollout, choose);
  watchCommand(rollout, choose);
  pauseCommand(rollout, choose);
  resumeCommand(rollout, choose);
  approveCommand(rollout, choose);
  abortCommand(rollout, choose);
  rollbackCommand(rollout, choose);
  reportCommand(rollout, choose);
}

const ID = 'its id, the first 4 digits of it or more, or its name';

function settingOption(command: Command, { flag, help, choices, parse }: Setting<unknown>): void {
  const option = new Option(flag, help);
  // Choices are for help and completion; the one parser refuses the others.
  if (choices) option.choices([...choices]);
  command.addOption(choices ? option : option.argParser(parser(parse)));
}

/** Limits, ways and times of a rollout, which a file says too; where both do, the option wins. */
export function settingOptions(command: Command, leaveOut: readonly string[] = []): Command {
  for (const [name, setting] of [...Object.entries(SETTINGS), ...Object.entries(GATE_SETTINGS)])
    if (!leaveOut.includes(name)) settingOption(command, setting as Setting<unknown>);
  return command;
}

/** How the hosts fall into waves, and what has to hold on each, without a file. */
export function waveOptions(command: Command): Command {
  return command
    .addOption(new Option('--canary <n>', 'the first wave: so many hosts, or 5%').argParser(share))
    .option('--wave <size>', 'a wave after it: 10, 25%, or rest; several times: in this order', several)
    .option('--each <label>', 'a wave for each value of this label, such as one rack at a time')
    .option(
      '--probe-http <url>',
      'each host asks this of itself after its change: http://localhost/health',
      several,
    )
    .option('--probe-tcp <host:port>', 'each host connects to this after its change', several)
    .option('--probe-shell <line>', 'each host runs this after its change', several);
}

export function launchOptions(command: Command): Command {
  return signOptions(command)
    .option('--yes', 'do not ask, however many hosts are meant')
    .option('--detach', 'print the id of the rollout and leave it running')
    .option('--idempotency-key <key>', 'the same key starts the same rollout, however often it is sent')
    .option('--json', 'print events as JSON, one object a line');
}

function bodyOptions(command: Command): Command {
  targetOptions(command)
    .option('-f, --file <file>', 'the rollout, in YAML; "-": standard input')
    .option('--plan <file>', 'change: a plan of "muster patch plan -o"')
    .option('--bundle <file>', 'change: the tasks of a bundle file')
    .option('--copy <file:path>', 'change: a file or folder, and where it goes')
    .option('--upgrade', "change: agents get this program's version")
    .option('--pre <file>', 'a bundle file for each host before its change: drain')
    .option('--post <file>', 'a bundle file for each host after it, or after it was brought back: undrain')
    .option(
      '--undo <file>',
      'a bundle file that takes the change back; a plan and an upgrade have a way of their own',
    );
  waveOptions(command);
  settingOptions(command);
  return planOptions(command).option(
    '--runtime <file>',
    'with --upgrade: a Node for its executables, where npm cannot be reached',
    several,
  );
}

/** Of a plan of patches. */
export function planOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--max-plan-age <duration>', 'take no plan that is older (7d where not said)').argParser(
        duration(LIMITS.ttlMaxMs),
      ),
    )
    .addOption(
      new Option(
        '--config-files <what>',
        'files that were changed on a host and in the package (keep where not said)',
      ).choices(['keep', 'replace']),
    )
    .addOption(
      new Option(
        '--lock-wait <duration>',
        'how long whoever holds the lock of the package manager is waited for (5m where not said)',
      ).argParser(duration(LIMITS.lockWaitMaxMs)),
    );
}

function startCommand(rollout: Command, choose: Choose): void {
  launchOptions(
    bodyOptions(
      rollout
        .command('start')
        .summary('start one, and watch it')
        .description(
          'Starts a rollout, from a file or from options, and shows it until it is at its end. It goes on without you: Ctrl-C leaves it running, and a controller that is started anew goes on with it.',
        ),
    ),
  )
    .addHelpText(
      'after',
      `
Examples:
  muster rollout start -f rollout.yaml
  muster rollout start --plan plan.json --canary 1 --wave 10% --wave 50% --probe-http http://localhost/health
  muster rollout start --bundle site.yaml --undo back.yaml -l role=web --each rack --max-unavailable 2
  muster rollout start --upgrade -t all --canary 2 --max-failures 3%

A rollout.yaml, whose keys docs/rollouts.md has all of:
  change: { plan: plan.json }
  waves: [ { canary: 1, gate: { soak: 10m } }, 10%, 50%, rest ]
  max-unavailable: 10%
  max-failures: 2
  probes:
    - name: answers
      http: "http://localhost/health"

Exit status: 0 every host is done, 1 some failed or it was stopped, 4 none failed but some were not reached, 130 left running.`,
    )
    .action((options) =>
      choose(async (surroundings) =>
        (await import('../rollout/start-command.ts')).start(surroundings, options),
      ),
    );
}

function checkCommand(rollout: Command, choose: Choose): void {
  bodyOptions(
    rollout
      .command('check')
      .summary('how it would go, and what is wrong with it')
      .description(
        'Says how a rollout would go, from a file or from options: who is in which wave, which limits hold, and what is better known before. Nothing is started.',
      ),
  )
    .option('--json', 'print it as one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  muster rollout check -f rollout.yaml\n  muster rollout check --plan plan.json --canary 1 --wave 25%',
    )
    .action((options) =>
      choose(async (surroundings) =>
        (await import('../rollout/start-command.ts')).check(surroundings, options),
      ),
    );
}

function lsCommand(rollout: Command, choose: Choose): void {
  rollout
    .command('ls')
    .description('Lists rollouts, newest first.')
    .option('--limit <n>', 'at most so many', whole(1000, 1), 20)
    .option('--before <rollout>', 'only older ones than this')
    .addOption(new Option('--state <state>', 'only these').choices(['open', 'over']))
    .option('--json', 'print an array as JSON')
    .addHelpText('after', '\nExamples:\n  muster rollout\n  muster rollout ls --state open')
    .action((options) =>
      choose(async (surroundings) =>
        (await import('../rollout/rollout-command.ts')).ls(surroundings, options),
      ),
    );
}

function showCommand(rollout: Command, choose: Choose): void {
  rollout
    .command('show')
    .description(
      'Shows a rollout as it stands: waves, limits, who did not succeed and why, and the jobs behind it.',
    )
    .argument('<rollout>', ID)
    .option('--hosts', 'a row for each host')
    .option('--json', 'print it as JSON')
    .addHelpText('after', '\nExamples:\n  muster rollout show 3f2a9c\n  muster rollout show 3f2a9c --hosts')
    .action((id: string, options) =>
      choose(async (surroundings) =>
        (await import('../rollout/rollout-command.ts')).show(surroundings, id, options),
      ),
    );
}

function watchCommand(rollout: Command, choose: Choose): void {
  rollout
    .command('watch')
    .summary('show it as it goes on')
    .description(
      'Shows a rollout until it is at its end, or stands stopped with nobody at work: waves, gates, who is at work, how fast it goes, and the reason of every stop. Leaving changes nothing of it.',
    )
    .argument('<rollout>', ID)
    .option('--after <n>', 'only what came after this event', whole(Number.MAX_SAFE_INTEGER))
    .option('--json', 'print events as JSON, one object a line, from the first')
    .addHelpText(
      'after',
      '\nExamples:\n  muster rollout watch 3f2a9c\n  muster rollout watch 3f2a9c --json | jq \'select(.event == "wave")\'',
    )
    .action((id: string, options) =>
      choose(async (surroundings) =>
        (await import('../rollout/rollout-command.ts')).watch(surroundings, id, options),
      ),
    );
}

function verbOptions(command: Command): Command {
  return command
    .argument('<rollout>', ID)
    .option('--reason <text>', 'for the audit log and the report', parser(SETTINGS.reason.parse))
    .option('--watch', 'and go on watching it')
    .option('--json', 'print it as it is then, as JSON');
}

function pauseCommand(rollout: Command, choose: Choose): void {
  verbOptions(
    rollout
      .command('pause')
      .description('Begins nothing further; hosts go on with what they are at, to its end.'),
  )
    .addHelpText('after', '\nExample:\n  muster rollout pause 3f2a9c --reason "the shop is slow"')
    .action((id: string, options) =>
      choose(async (surroundings) =>
        (await import('../rollout/rollout-command.ts')).pause(surroundings, id, options),
      ),
    );
}

function resumeCommand(rollout: Command, choose: Choose): void {
  verbOptions(
    rollout
      .command('resume')
      .description(
        'Goes on with a rollout that is paused or stopped. Hosts that failed until now stay as they are and are not counted again.',
      ),
  )
    .addHelpText('after', '\nExample:\n  muster rollout resume 3f2a9c --watch')
    .action((id: string, options) =>
      choose(async (surroundings) =>
        (await import('../rollout/rollout-command.ts')).resume(surroundings, id, options),
      ),
    );
}

function approveCommand(rollout: Command, choose: Choose): void {
  verbOptions(
    rollout
      .command('approve')
      .description(
        'Opens a gate that waits for approval, where you may: some ask for another than who started it.',
      ),
  )
    .option('--wave <n>', 'only where it is the gate after this wave that waits', whole(1_000_000, 1))
    .addHelpText('after', '\nExample:\n  muster rollout approve 3f2a9c --reason "canary looks well"')
    .action((id: string, options) =>
      choose(async (surroundings) =>
        (await import('../rollout/rollout-command.ts')).approve(surroundings, id, options),
      ),
    );
}

function abortCommand(rollout: Command, choose: Choose): void {
  verbOptions(
    rollout
      .command('abort')
      .description(
        'Ends a rollout where it is: hosts finish what they are at, the others are left as they are.',
      ),
  )
    .option('--cancel', 'cancel what hosts are at, in place of letting them finish')
    .addHelpText('after', '\nExample:\n  muster rollout abort 3f2a9c --reason "wrong plan"')
    .action((id: string, options) =>
      choose(async (surroundings) =>
        (await import('../rollout/rollout-command.ts')).abort(surroundings, id, options),
      ),
    );
}

function rollbackCommand(rollout: Command, choose: Choose): void {
  verbOptions(
    rollout
      .command('rollback')
      .description(
        'Brings hosts back that were changed, in the order of the last wave first and within the same limits.',
      ),
  )
    .option('-t, --targets <names>', 'only these; left out: all that were changed', several)
    .addHelpText(
      'after',
      '\nExamples:\n  muster rollout rollback 3f2a9c --watch\n  muster rollout rollback 3f2a9c -t web-1',
    )
    .action((id: string, options) =>
      choose(async (surroundings) =>
        (await import('../rollout/rollout-command.ts')).rollback(surroundings, id, options),
      ),
    );
}

function reportCommand(rollout: Command, choose: Choose): void {
  rollout
    .command('report')
    .summary('all that is known of it, to keep')
    .description(
      'Writes a report for somebody who was not there: who, what and when, versions before and after, failures, approvals, and the head of the audit log.',
    )
    .argument('<rollout>', ID)
    .option('-o, --out <file>', 'into this file')
    .option('--force', 'replace a file that is there')
    .option('--json', 'as JSON, in place of Markdown')
    .addHelpText(
      'after',
      '\nExamples:\n  muster rollout report 3f2a9c -o rollout.md\n  muster rollout report 3f2a9c --json',
    )
    .action((id: string, options) =>
      choose(async (surroundings) =>
        (await import('../rollout/report-command.ts')).report(surroundings, id, options),
      ),
    );
}
