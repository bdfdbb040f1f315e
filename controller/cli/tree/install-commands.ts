import { type Command, Option } from 'commander';
import { duration, pairs, several, whole } from './options.ts';
import type { Choose } from './program.ts';

/** Agents onto machines, over SSH. */
export function installCommands(program: Command, choose: Choose): void {
  const command = sshOptions(
    program
      .command('install')
      .summary('install agents on machines, over SSH')
      .description(
        'Installs the agent on machines, over SSH, and lets them in; what is there already is brought up to date. It ends when each of them was online and has carried out a first job.',
      ),
  );
  command
    .option('--limit <hosts>', 'only these of them: names and globs, or so many: 10, 25%')
    .option('--label <key=value>', 'a label for all of them; several times: several', pairs)
    .option('--check', 'connect and look, say what would be done, and change nothing')
    .addOption(
      new Option('--service <manager>', 'what starts the agent (auto where not said)').choices([
        'auto',
        'systemd',
        'openrc',
        'none',
      ]),
    )
    .option('--proxy <url>', 'the way of the agents to the controller: http://HOST:PORT')
    .option('--proxy-auth-file <file>', 'its user and password, one line: user:password')
    .option('--replace', 'take a name over from the agent that has it')
    .option(
      '--runtime <file>',
      'a Node to send, where npm cannot be reached; several times: several',
      several,
    )
    .option('--resume <file>', 'go on with those that are not done in this report')
    .option(
      '--report <path>',
      'where the report goes, a file or a folder (MUSTER_HOME/installs where not said)',
    )
    .option('--json', 'print events as JSON, one object a line')
    .option('--yes', 'do not ask, however many hosts are meant')
    .addHelpText(
      'after',
      `
Examples:
  muster install web-1 web-2 root@10.0.0.7:2222
  muster install -i hosts.yaml --check
  muster install -i inventory.ini --limit 'web-*,!web-9' --sudo --ask-sudo-password
  muster install --resume ~/.muster/installs/2026-11-27T14-02-07Z.json

Host keys are held against known_hosts. ~/.ssh/config, the ssh-agent and Ansible's inventories are used as ssh and
ansible use them. Ctrl-C begins no further host and finishes those at hand; again undoes them.`,
    )
    .action((hosts: string[], options) =>
      choose(async (surroundings) =>
        (await import('../install-command.ts')).install(surroundings, hosts, options),
      ),
    );
}

/** Which machines, and how they are reached. */
export function sshOptions(command: Command): Command {
  return command
    .argument('[host...]', 'HOST, USER@HOST:PORT, web[01:30], or a name of ~/.ssh/config')
    .option(
      '-i, --inventory <file>',
      "hosts from a list, a YAML file or an inventory of Ansible's; several times: together",
      several,
    )
    .option('--user <name>', "who to log in as (ssh's settings where not said)")
    .option('--port <n>', 'the port, where nothing else says one', whole(65_535, 1))
    .option('--identity <file>', 'a private key to try first; several times: several', several)
    .option('--ask-password', 'ask once for the password of that user')
    .option('--password-file <file>', 'the same from a file; "-": from standard input')
    .option('--sudo', 'become root with sudo')
    .option('--ask-sudo-password', 'ask once for the password that sudo wants')
    .option('--sudo-password-file <file>', 'the same from a file; "-": from standard input')
    .option('--concurrency <n>', 'so many hosts at once (20 where not said)', whole(500, 1))
    .addOption(
      new Option(
        '--host-key-policy <policy>',
        'for host keys that are not known (ask on a terminal, else strict)',
      ).choices(['strict', 'accept-new', 'ask']),
    )
    .option(
      '--connect-timeout <duration>',
      'how long a connection may take (10s where not said)',
      duration(10 * 60_000),
    );
}
