import { type Command, Option } from 'commander';
import { LIMITS } from '../../../proto/limits.ts';
import { fileCommands } from './file-commands.ts';
import { duration, jobOptions, paceOptions, states, targetOptions, viewOptions, whole } from './options.ts';
import { patchCommands } from './patch-commands.ts';
import type { Choose } from './program.ts';
import { rolloutCommands } from './rollout-commands.ts';

export function jobCommands(program: Command, choose: Choose): void {
  program.commandsGroup('Doing things:');
  runCommand(program, choose);
  scriptCommand(program, choose);
  applyCommand(program, choose);
  fileCommands(program, choose);
  patchCommands(program, choose);
  rolloutCommands(program, choose);
  const jobs = program
    .command('jobs')
    .summary('what was done, and how it went')
    .description('What was done, and how it went. Without a subcommand: ls.');
  lsCommand(jobs, choose);
  showCommand(jobs, choose);
  logsCommand(jobs, choose);
  outputCommand(jobs, choose);
  retryCommand(jobs, choose);
  cancelCommand(jobs, choose);
  pruneCommand(jobs, choose);
}

function runCommand(program: Command, choose: Choose): void {
  jobOptions(
    program
      .command('run')
      .summary('run a command, with its output live')
      .description('Runs a command on the machines that are meant and shows its output while it runs.')
      .argument('[command...]', 'the command and its arguments, as they are: no shell sees them'),
  )
    .option('--shell <line>', 'run this line with /bin/sh instead of a command')
    .option('--stdin', 'give standard input to each host')
    // From the first word of the command on everything is its own, also what begins with a dash.
    .passThroughOptions()
    .addHelpText(
      'after',
      `
Examples:
  muster run -t web-1 -- systemctl status nginx
  muster run -t 'web-*,!web-9' -l env=prod -- uptime
  muster run -t all --shell 'df -h / | tail -1' --fold
  muster run -t db-1 --ttl 2h --timeout 30m --reason 'ticket 812' -- /usr/local/bin/backup
  muster run -l role=web --limit 10% --seed 7 --list

Ctrl-C shows who is still running. Again within 3 s it cancels the job; otherwise the job goes on
and "muster jobs logs -f ID" comes back to it.`,
    )
    .action((argv: string[], options) =>
      choose(async (surroundings) => (await import('../run-command.ts')).run(surroundings, argv, options)),
    );
}

function scriptCommand(program: Command, choose: Choose): void {
  jobOptions(
    program
      .command('script')
      .summary('run a script, with its output live')
      .description(
        'Sends a script to the machines that are meant and runs it with the interpreter that its first line names.',
      )
      .argument('<file>', 'the script; "-": standard input')
      .argument('[args...]', 'its arguments, as they are'),
  )
    .option('--stdin', 'give standard input to each host')
    .passThroughOptions()
    .addHelpText(
      'after',
      `
Examples:
  muster script -t all check.sh
  muster script -t 'db-*' --user postgres vacuum.sh --full
  generate | muster script -t web-1 -`,
    )
    .action((file: string, args: string[], options) =>
      choose(async (surroundings) =>
        (await import('../run-command.ts')).script(surroundings, file, args, options),
      ),
    );
}

function applyCommand(program: Command, choose: Choose): void {
  jobOptions(
    program
      .command('apply')
      .summary('carry out an ordered list of tasks from a file')
      .description(
        'Carries out the tasks of a bundle file on the machines that are meant, in order and up to the first that fails, and says of each whether it changed anything.',
      ),
  )
    .requiredOption('-f, --file <file>', 'the bundle, in YAML; "-": standard input')
    .option('--check', 'say what would change, and change nothing')
    .addHelpText(
      'after',
      `
Examples:
  muster apply -f web.yaml -t 'web-*' --check
  muster apply -f web.yaml -l role=web --timeout 30m
  generate | muster apply -f - -t web-1

A bundle:
  name: web tier
  tasks:
    - name: packages are fresh
      shell: apt-get -qq update
      unless: test -n "$(find /var/lib/apt/periodic -mmin -60)"
    - file: { path: /etc/motd, content: "hello\\n", mode: "0644" }
    - service: { unit: nginx, state: started, enabled: true }`,
    )
    .action((options) =>
      choose(async (surroundings) => (await import('../apply-command.ts')).apply(surroundings, options)),
    );
}

function lsCommand(jobs: Command, choose: Choose): void {
  jobs
    .command('ls')
    .description('Lists jobs, newest first.')
    .option('--limit <n>', 'at most so many', whole(1000, 1), 20)
    .option('--before <job>', 'only older ones than this')
    .addOption(new Option('--state <state>', 'only these').choices(['running', 'over']))
    .option('--json', 'print an array as JSON')
    .addHelpText('after', '\nExamples:\n  muster jobs\n  muster jobs ls --state running')
    .action((options) =>
      choose(async (surroundings) => (await import('../jobs-command.ts')).ls(surroundings, options)),
    );
}

function showCommand(jobs: Command, choose: Choose): void {
  jobs
    .command('show')
    .description('Shows a job and what became of it on each host.')
    .argument('<job>', 'its id, or the first 4 digits or more')
    .option('--agent <name>', 'only on this host, with each of its tasks')
    .option('--json', 'print it as JSON')
    .addHelpText('after', '\nExamples:\n  muster jobs show 3f2a9c\n  muster jobs show 3f2a9c --agent web-1')
    .action((id: string, options) =>
      choose(async (surroundings) =>
        (await import('../show-job-command.ts')).showJob(surroundings, id, options),
      ),
    );
}

function logsCommand(jobs: Command, choose: Choose): void {
  jobs
    .command('logs')
    .summary('show the output of a job, again or while it runs')
    .description(
      'Shows the output of a job as "muster run" does: what there is, and with -f what follows. The exit status of -f is that of the job.',
    )
    .argument('<job>', 'its id, or the first 4 digits or more')
    .option('-f, --follow', 'go on until the job is over')
    .option('--after <n>', 'only what came after this event', whole(Number.MAX_SAFE_INTEGER))
    .option('--agent <name>', 'only this host')
    .option('--fold', 'no live output; at the end each distinct output once')
    .option('--json', 'print events as JSON, one object a line')
    .addHelpText(
      'after',
      '\nExamples:\n  muster jobs logs -f 3f2a9c\n  muster jobs logs 3f2a9c --agent web-1',
    )
    .action((id: string, options) =>
      choose(async (surroundings) => (await import('../jobs-command.ts')).logs(surroundings, id, options)),
    );
}

function outputCommand(jobs: Command, choose: Choose): void {
  jobs
    .command('output')
    .summary('print what one host wrote, byte for byte')
    .description(
      'Prints what one host wrote in a job, byte for byte: both streams in the order of arrival, or one of them.',
    )
    .argument('<job>', 'its id, or the first 4 digits or more')
    .argument('<agent>', 'the host')
    .addOption(new Option('--stream <stream>', 'only this one').choices(['stdout', 'stderr']))
    .option('--task <n>', 'only what this task wrote, from 1', whole(LIMITS.tasksPerOrder, 1))
    .addHelpText(
      'after',
      '\nExamples:\n  muster jobs output 3f2a9c web-1 --stream stdout > dump.sql\n  muster jobs output 3f2a9c web-1 --task 2',
    )
    .action((id: string, agent: string, options) =>
      choose(async (surroundings) =>
        (await import('../jobs-command.ts')).output(surroundings, id, agent, options),
      ),
    );
}

function retryCommand(jobs: Command, choose: Choose): void {
  const command = jobs
    .command('retry')
    .summary('do a job again where it did not succeed')
    .description(
      'Makes a new job of the same tasks for those hosts of an earlier one that did not succeed. What was given to that one on standard input, in variables or as a script is not kept: then the command is given again, with --failed-of.',
    )
    .argument('<job>', 'its id, or the first 4 digits or more')
    .option('--failed', 'on all hosts whose run ended without success')
    .option('--state <states>', 'on hosts whose run ended so: lost,expired', states);
  viewOptions(paceOptions(targetOptions(command)))
    .addHelpText(
      'after',
      `
Examples:
  muster jobs retry 3f2a9c --failed
  muster jobs retry 3f2a9c --state expired --ttl 2h
  muster run --failed-of 3f2a9c --stdin -- passwd-tool < secret`,
    )
    .action((id: string, options) =>
      choose(async (surroundings) => (await import('../retry-command.ts')).retry(surroundings, id, options)),
    );
}

function cancelCommand(jobs: Command, choose: Choose): void {
  const command = jobs
    .command('cancel')
    .description(
      'Cancels a job, or with -t and -l only what of it is on some hosts: what runs is ended, what has not started never will.',
    )
    .argument('<job>', 'its id, or the first 4 digits or more');
  targetOptions(command)
    .option('--json', 'print how many runs as JSON')
    .addHelpText('after', '\nExamples:\n  muster jobs cancel 3f2a9c\n  muster jobs cancel 3f2a9c -t web-1')
    .action((id: string, options) =>
      choose(async (surroundings) => (await import('../jobs-command.ts')).cancel(surroundings, id, options)),
    );
}

/** More than any controller is old. */
const PRUNE_MAX_MS = 100 * 366 * 86_400_000;

function pruneCommand(jobs: Command, choose: Choose): void {
  jobs
    .command('prune')
    .summary('remove old jobs, or their output')
    .description(
      'Removes finished jobs that ended longer ago than --older-than, with their history and reports, or with --output-only their output. What is not over stays, and so does the audit log. The controller does the same by itself: see --keep-jobs and --keep-output of "muster serve".',
    )
    .option(
      '--older-than <age>',
      'counted from the end of a job (90d where not said, 30d for output)',
      duration(PRUNE_MAX_MS),
    )
    .option('--output-only', 'keep the jobs with their states and outcomes')
    .option('--dry-run', 'say what would go, remove nothing')
    .option('--json', 'print what was removed as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  muster jobs prune --older-than 30d --dry-run\n  muster jobs prune --older-than 7d --output-only',
    )
    .action((options) =>
      choose(async (surroundings) => (await import('../prune-command.ts')).prune(surroundings, options)),
    );
}
