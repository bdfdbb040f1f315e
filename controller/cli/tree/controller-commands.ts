import { Argument, type Command, Option } from 'commander';
import { EXIT } from '../failure.ts';
import { SETTINGS } from '../serve-settings.ts';
import { duration, several, whole } from './options.ts';
import type { Choose } from './program.ts';

export function controllerCommands(program: Command, choose: Choose): void {
  program.commandsGroup('The controller:');
  serveCommands(program, choose);
  const operator = program
    .command('operator')
    .summary('who may use this controller')
    .description('Who may use this controller. Without a subcommand: ls.');
  operatorCommands(operator, choose);
  const audit = program
    .command('audit')
    .summary('the audit log')
    .description('The audit log: who did what, as a chain that shows tampering. Without a subcommand: ls.');
  auditCommands(audit, choose);
  program.commandsGroup('This program:');
  programCommands(program, choose);
}

function serveCommands(program: Command, choose: Choose): void {
  const serve = program
    .command('serve')
    .summary('start a controller')
    .description(
      'Starts a controller and stays up until Ctrl-C. The first start makes what it needs in MUSTER_HOME. Each option may also be a variable of the environment: --keep-jobs is MUSTER_SERVE_KEEP_JOBS, and all that --url names is MUSTER_SERVE_URLS, with commas.',
    );
  const flags = Object.entries(SETTINGS).map(([key, { flag, help, isList, choices }]) => {
    const option = new Option(flag, help);
    if (isList) option.argParser(several);
    if (choices) option.choices(choices);
    serve.addOption(option);
    return [key, option.attributeName()] as const;
  });
  serve
    .option(
      '--install-service',
      'make it a service of systemd that starts at boot, with these options; a newer program upgrades it in place (root)',
    )
    .option('--uninstall-service', 'take that service off; its state stays (root)')
    .option(
      '--home <path>',
      'with --install-service: take over the controller that was started by hand there',
    )
    .option('--check', 'with either of these: say what would be done, and do nothing')
    .option('--json', 'with either of these: print what was done as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  muster serve\n  muster serve --listen 0.0.0.0:7443 --url https://muster.example.net:7443\n  muster serve --keep-jobs 1d12h --keep-output never --max-output-store 50GiB\n  sudo muster serve --install-service --listen 0.0.0.0:7443 --url https://muster.example.net:7443',
    )
    .action((options) =>
      choose(async (surroundings) => {
        const given = Object.fromEntries(flags.map(([key, name]) => [key, options[name]]));
        const { serve: start } = await import('../serve-mode.ts');
        return start(surroundings, given, options, process.argv[1] ?? '');
      }),
    );
  program
    .command('quickstart')
    .summary('try it: a controller and an agent on this machine')
    .description(
      'Starts a controller on loopback and one agent, runs a command on it, says what to type next, and stays up until Ctrl-C. State goes to .muster in this folder.',
    )
    .option('--listen <host:port>', 'where they meet', '127.0.0.1:7443')
    .option('--once', 'stop after the command')
    .addHelpText('after', '\nExamples:\n  npm start\n  npm start -- --once --listen 127.0.0.1:0')
    .action((options) =>
      choose(async (surroundings) => {
        const own = { program: process.argv[1] ?? '', folder: process.cwd() };
        return (await import('../quickstart-command.ts')).quickstart(surroundings, options, own);
      }),
    );
  program
    .command('status')
    .summary('whether the controller is ready')
    .description('Shows how the controller is. Exit status 0: it is ready.')
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  muster status\n  until muster status >/dev/null 2>&1; do sleep 0.2; done',
    )
    .action((options) =>
      choose(async (surroundings) => (await import('../status-command.ts')).status(surroundings, options)),
    );
  program
    .command('backup')
    .summary('copy a controller into one file')
    .description(
      'Copies the controller of this machine, as it is at one moment, into one tar file: database, keys, certificate. It may go on working meanwhile. The file holds the keys of the fleet; whoever can read it owns the fleet.',
    )
    .argument('<file>', 'where to; "-": standard output')
    .option('--with-contents', 'uploaded files too')
    .option('--force', 'replace a file that is there')
    .option('--json', 'print what was copied as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  muster backup /mnt/elsewhere/muster-$(date +%F).tar\n  muster backup - | age -r age1… > muster.tar.age',
    )
    .action((file: string, options) =>
      choose(async (surroundings) =>
        (await import('../backup-command.ts')).backup(surroundings, file, options),
      ),
    );
  program
    .command('restore')
    .summary('put a controller back from a backup')
    .description(
      'Puts a controller back as it was at a backup, on this or another machine, while none works on that home. Nothing runs twice: agents know what they had. What was done after the backup is lost to the controller; see docs/keeping.md.',
    )
    .argument('<file>', 'the backup')
    .option('--home <path>', 'the home to restore (MUSTER_HOME where not said)')
    .option('--force', 'move aside what is in that home')
    .option('--json', 'print what was restored as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  muster restore /mnt/elsewhere/muster-2026-11-27.tar\n  muster restore muster.tar --home /srv/muster --force',
    )
    .action((file: string, options) =>
      choose(async (surroundings) =>
        (await import('../backup-command.ts')).restore(surroundings, file, options),
      ),
    );
  program
    .command('login')
    .summary('use a controller from this machine')
    .description(
      'Pins a controller and keeps an API token for it, so that the other commands go there. The token is never an argument: others could read it.',
    )
    .argument('<url>', 'https://HOST:PORT')
    .option('--fingerprint <hex>', "SHA-256 of the controller's certificate authority, instead of a question")
    .option('--token-file <file>', 'the API token; "-": from standard input; left out: from a prompt')
    .option('--json', 'print what was kept as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  muster login https://controller:7443\n  muster login controller --fingerprint 9F:86:… --token-file - < api.token',
    )
    .action((url: string, options) =>
      choose(async (surroundings) => (await import('../login-command.ts')).login(surroundings, url, options)),
    );
}

function operatorCommands(operator: Command, choose: Choose): void {
  operator
    .command('add')
    .summary('add an operator')
    .description(
      'Adds an operator and prints the API token, alone, on standard output. It is not shown again.',
    )
    .argument('<name>', 'what the audit log will call them')
    .addOption(
      new Option('--role <role>', 'viewer sees, runner runs, admin does all')
        .choices(['viewer', 'runner', 'admin'])
        .makeOptionMandatory(),
    )
    .option(
      '--ttl <duration>',
      'how long the token is good (until it is revoked, where not said)',
      duration(10 * 366 * 86_400_000),
    )
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  muster operator add kim --role runner > kim.token\n  muster operator add ci --role runner --ttl 90d',
    )
    .action((name: string, options) =>
      choose(async (surroundings) =>
        (await import('../operator-command.ts')).add(surroundings, name, options),
      ),
    );
  operator
    .command('ls')
    .description('Lists operators.')
    .option('--json', 'print an array as JSON')
    .addHelpText('after', '\nExample:\n  muster operator ls')
    .action((options) =>
      choose(async (surroundings) => (await import('../operator-command.ts')).ls(surroundings, options)),
    );
  operator
    .command('revoke')
    .description(
      "Revokes an operator's token and signing keys. What was signed with them and has not begun yet does not begin.",
    )
    .argument('<name>', 'the operator')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExample:\n  muster operator revoke kim')
    .action((name: string, options) =>
      choose(async (surroundings) =>
        (await import('../operator-command.ts')).revoke(surroundings, name, options),
      ),
    );
  keyCommands(operator, choose);
}

function keyCommands(operator: Command, choose: Choose): void {
  operator
    .command('key')
    .summary('your own signing key')
    .description(
      'Prints the public half of the key with which you sign what you order; makes the key where there is none. It stays on this machine, beside what "muster login" keeps. Once an admin has trusted it, what you order is signed with it, and runs also on hosts whose policy requires an operator.',
    )
    .option('--replace', 'make another one; the one before is gone')
    .option('--json', 'print it as JSON')
    .addHelpText('after', '\nExamples:\n  muster operator key\n  muster run -t db-1 --sign -- uptime')
    .action((options) =>
      choose(async (surroundings) => (await import('../operator-key-command.ts')).key(surroundings, options)),
    );
  operator
    .command('trust')
    .summary('let an operator sign what they order')
    .description(
      'Puts the public key of an operator into the trust document, which the root key signs; all agents have it when it is told to them. Make sure that the key is theirs: it counts on hosts where the controller alone does not.',
    )
    .argument('<name>', 'the operator')
    .requiredOption('--key <key>', 'as "muster operator key" prints it on their machine')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExample:\n  muster operator trust kim --key muster-key-…')
    .action((name: string, options) =>
      choose(async (surroundings) =>
        (await import('../operator-key-command.ts')).trust(surroundings, name, options),
      ),
    );
  operator
    .command('untrust')
    .summary("revoke an operator's signing keys")
    .description(
      'Takes signing keys of an operator out of the trust document, for good. What was signed with them and has not begun yet does not begin; the token stays.',
    )
    .argument('<name>', 'the operator')
    .option('--key-id <id>', 'this one alone, as "muster operator ls" shows it')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExample:\n  muster operator untrust kim')
    .action((name: string, options) =>
      choose(async (surroundings) =>
        (await import('../operator-key-command.ts')).untrust(surroundings, name, options),
      ),
    );
}

function auditCommands(audit: Command, choose: Choose): void {
  audit
    .command('ls')
    .description('Lists the newest entries, oldest first.')
    .option('--limit <n>', 'at most so many', whole(1_000_000, 1), 50)
    .option('--after <seq>', 'those after this one instead of the newest', whole(Number.MAX_SAFE_INTEGER))
    .option('--json', 'print one object a line as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  muster audit\n  muster audit ls --after 0 --limit 1000000 --json > audit.ndjson',
    )
    .action((options) =>
      choose(async (surroundings) => (await import('../audit-command.ts')).ls(surroundings, options)),
    );
  audit
    .command('head')
    .summary('print the head, to keep elsewhere')
    .description(
      'Prints the head of the chain as SEQ:HASH. Keep it where nobody who can write to the controller can write.',
    )
    .option('--json', 'print it as JSON, with its signature')
    .addHelpText('after', '\nExample:\n  muster audit head >> /mnt/elsewhere/heads')
    .action((options) =>
      choose(async (surroundings) => (await import('../audit-command.ts')).head(surroundings, options)),
    );
  audit
    .command('verify')
    .summary('check the chain')
    .description('Checks the whole chain. Exit status 1: it was changed.')
    .option(
      '--since <head>',
      'a head that was kept, as SEQ:HASH; without one, entries cut off the end cannot be seen',
    )
    .option('--json', 'print the finding as JSON')
    .addHelpText('after', '\nExample:\n  muster audit verify --since "$(tail -1 /mnt/elsewhere/heads)"')
    .action((options) =>
      choose(async (surroundings) => (await import('../audit-command.ts')).verify(surroundings, options)),
    );
}

function programCommands(program: Command, choose: Choose): void {
  program
    .command('completion')
    .summary('print a completion script')
    .description('Prints a completion script for a shell.')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
Examples:
  muster completion bash > /etc/bash_completion.d/muster
  muster completion zsh > "\${fpath[1]}/_muster"
  muster completion fish > ~/.config/fish/completions/muster.fish`,
    )
    .action((shell: 'bash' | 'zsh' | 'fish') =>
      choose(async (surroundings) => {
        const { completionScript } = await import('../completion.ts');
        surroundings.stdout.write(completionScript(shell, program));
        return EXIT.ok;
      }),
    );
  program
    .command('version')
    .summary('print the version')
    .description('Prints the version.')
    .option('--json', 'print it as JSON')
    .action((options) =>
      choose(async (surroundings) => (await import('../version-command.ts')).version(surroundings, options)),
    );
}
