import { type Command, InvalidArgumentError, Option } from 'commander';
import { LIMITS } from '../../../proto/limits.ts';
import type { Arch } from '../../installer/build.ts';
import { installCommands, sshOptions } from './install-commands.ts';
import { duration, hostOptions, pairs, several, targetOptions, viewOptions, whole } from './options.ts';
import type { Choose } from './program.ts';

export function fleetCommands(program: Command, choose: Choose): void {
  program.commandsGroup('The fleet:');
  installCommands(program, choose);
  const agents = program
    .command('agents')
    .summary('the machines of the fleet')
    .description('The machines of the fleet. Without a subcommand: ls.');
  agentCommands(agents, choose);
  program
    .command('facts')
    .summary('what a machine says of itself')
    .description(
      'Shows what a machine says of itself, one value a line. -l takes the same names; one without a dot as facts.NAME.',
    )
    .argument('<agent>', 'its name or id')
    .option('--json', 'print them as JSON')
    .addHelpText('after', '\nExample:\n  muster facts web-1')
    .action((agent: string, options) =>
      choose(async (surroundings) =>
        (await import('../agents-command.ts')).facts(surroundings, agent, options),
      ),
    );
  uninstallCommand(program, choose);
  const token = program
    .command('token')
    .summary('join tokens')
    .description('Join tokens: what a new machine joins the fleet with. Without a subcommand: ls.');
  tokenCommands(token, choose);
}

function uninstallCommand(program: Command, choose: Choose): void {
  const command = viewOptions(
    hostOptions(
      program
        .command('uninstall')
        .summary('remove the agent from machines')
        .description(
          'Agents that Muster installed remove themselves from their hosts, with service, files and keys, and are taken out of the fleet; what was done with them stays in the history. Refused by a host on which another job is at work. With --ssh the same is done over SSH, for hosts whose agent does not answer.',
        ),
    ),
  );
  sshOptions(command.option('--ssh', 'over SSH: HOST… and -i in place of -t and -l'))
    .option('--keep-policy', "leave the host's policy.json")
    .addHelpText(
      'after',
      `
Examples:
  muster uninstall -t web-9
  muster uninstall -l role=old --batch 10 --keep-policy --yes
  muster uninstall --ssh root@web-9
  muster uninstall --ssh -i inventory.ini --limit 10 --yes`,
    )
    .action((hosts: string[], options) =>
      choose(async (surroundings) =>
        (await import('../uninstall-command.ts')).uninstall(surroundings, hosts, options),
      ),
    );
}

function agentCommands(agents: Command, choose: Choose): void {
  targetOptions(agents.command('ls').description('Lists the machines of the fleet, or some of them.'))
    .option('--json', 'print an array as JSON')
    .addHelpText(
      'after',
      "\nExamples:\n  muster agents\n  muster agents ls -l 'role=web,os.id=debian'\n  muster agents --json | jq -r '.[] | select(.online | not) | .name'",
    )
    .action((options) =>
      choose(async (surroundings) => (await import('../agents-command.ts')).ls(surroundings, options)),
    );
  agents
    .command('show')
    .description('Shows all that is known of one machine.')
    .argument('<agent>', 'its name or id')
    .option('--json', 'print it as JSON')
    .addHelpText('after', '\nExample:\n  muster agents show web-1')
    .action((agent: string, options) =>
      choose(async (surroundings) =>
        (await import('../agents-command.ts')).show(surroundings, agent, options),
      ),
    );
  agents
    .command('label')
    .description('Sets labels (KEY=VALUE) and removes them (KEY-).')
    .argument('<agent>', 'its name or id')
    .argument('<changes...>', 'KEY=VALUE or KEY-')
    .option('--json', 'print its labels as JSON')
    .addHelpText('after', '\nExample:\n  muster agents label web-1 env=prod rack-')
    .action((agent: string, changes: string[], options) =>
      choose(async (surroundings) =>
        (await import('../agents-command.ts')).label(surroundings, agent, changes, options),
      ),
    );
  viewOptions(
    hostOptions(
      agents
        .command('upgrade')
        .summary('replace agents by the version of this program')
        .description(
          'Replaces the agents by the version of this program, over their own link and without touching what they run. The new version is put beside the old one, and has to come online within its time, else the old one goes on. What they are (a bundle for the Node of the host, or an executable) is looked up; agents that Muster did not install are left out and named.',
        ),
    ),
  )
    .option(
      '--online-within <duration>',
      'how long the new version may take to come online (2m where not said)',
      duration(LIMITS.onlineWithinMaxMs),
    )
    .option('--check', 'say what would change, and change nothing')
    .option(
      '--runtime <file>',
      'a Node for executables, where npm cannot be reached; several times: several',
      several,
    )
    .addHelpText(
      'after',
      `
Examples:
  muster agents upgrade -t canary-1
  muster agents upgrade -t all --batch 10% --max-failures 2
  muster agents upgrade -l 'role=web' --check`,
    )
    .action((options) =>
      choose(async (surroundings) => (await import('../upgrade-command.ts')).upgrade(surroundings, options)),
    );
  agents
    .command('approve')
    .summary('let a waiting or quarantined machine in')
    .description(
      'Lets a machine in that waits for it: one that joined with a token of --approve manual (compare the key of "muster agents show" with that of "muster-agent status" first), or one that is quarantined because two machines used its keys. Of those two the one that connects first is kept, so stop the other one before; that one is refused from then on, until it runs "muster-agent leave" and joins anew. Orders that were on their way to the agent do not run any more.',
    )
    .argument('<agent>', 'its name or id')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExample:\n  muster agents approve web-1')
    .action((agent: string, options) =>
      choose(async (surroundings) =>
        (await import('../agents-command.ts')).approve(surroundings, agent, options),
      ),
    );
  agents
    .command('remove')
    .description('Removes a machine from the fleet: its session is cut and its key refused from now on.')
    .argument('<agent>', 'its name or id')
    .option('--yes', 'do not ask')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExample:\n  muster agents remove web-9')
    .action((agent: string, options) =>
      choose(async (surroundings) =>
        (await import('../agents-command.ts')).remove(surroundings, agent, options),
      ),
    );
}

/** x64 or arm64, each once. */
function arches(text: string, before: readonly Arch[] = []): readonly Arch[] {
  if (text !== 'x64' && text !== 'arm64') throw new InvalidArgumentError('It is x64 or arm64.');
  return before.includes(text) ? before : [...before, text];
}

function tokenCommands(token: Command, choose: Choose): void {
  token
    .command('create')
    .summary('make a join token')
    .description('Makes a join token and prints it, alone, on standard output.')
    .option('--ttl <duration>', 'how long it is good (15m where not said)', duration(LIMITS.ttlMaxMs))
    .option('--label <key=value>', 'a label for whoever joins with it; several times: several', pairs)
    .option(
      '--allow-label <key>',
      'a label that the machine may propose itself, instead of any; several times: several',
      several,
    )
    .option('--uses <n>', 'how many machines may join with it (1 where not said)', whole(10_000, 1))
    .addOption(
      new Option('--approve <how>', 'manual: new machines wait until an operator approves them').choices([
        'auto',
        'manual',
      ]),
    )
    .option('--name <name>', 'the only name that may join with it')
    .option('--script', 'print a script that installs the agent, joins with the token and starts it')
    .option(
      '--arch <arch>',
      'of the script, for machines without a Node: x64, arm64; twice: both (both where not said, if they can be made)',
      arches,
    )
    .addOption(
      new Option('--service <manager>', 'of the script: what starts the agent (auto where not said)').choices(
        ['auto', 'systemd', 'openrc', 'none'],
      ),
    )
    .option('--proxy <url>', 'of the script: the way of the machine to the controller, http://HOST:PORT')
    .option(
      '--runtime <file>',
      'of the script: a Node to send, where npm cannot be reached; several times: several',
      several,
    )
    .option('--json', 'print it as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  muster token create > join.token\n  muster token create --ttl 1h --uses 20 --label role=web --json\n  umask 077; muster token create --script --ttl 24h --uses 10 > join.sh',
    )
    .action((options) =>
      choose(async (surroundings) => (await import('../token-command.ts')).create(surroundings, options)),
    );
  token
    .command('ls')
    .description('Lists join tokens; what makes them valid is stored nowhere.')
    .option('--json', 'print an array as JSON')
    .addHelpText('after', '\nExample:\n  muster token ls')
    .action((options) =>
      choose(async (surroundings) => (await import('../token-command.ts')).ls(surroundings, options)),
    );
  token
    .command('revoke')
    .description('Revokes a join token; who joined with it stays.')
    .argument('<id>', 'its id, as "muster token ls" shows it')
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', '\nExample:\n  muster token revoke 5e0c')
    .action((id: string, options) =>
      choose(async (surroundings) => (await import('../token-command.ts')).revoke(surroundings, id, options)),
    );
}
