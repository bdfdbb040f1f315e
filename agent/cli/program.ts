import { Command, CommanderError, Option } from 'commander';
import { MUSTER_VERSION } from '../../proto/version.ts';
import { type Config, type Flags, readConfig, SETTINGS } from '../config.ts';
import { viaOf } from '../link/proxy.ts';
import type { Surroundings } from './surroundings.ts';

/** What the arguments ask for; undefined when they were answered already (--help, --version). */
export type Action = () => Promise<number>;

/** Wrong use, already explained on standard error. */
export class WrongUse extends Error {}

const EXAMPLES = {
  join: `
Examples:
  muster-agent join --token-file join.token
  ssh host muster-agent join --token-file - --label role=web < join.token`,
  run: `
Examples:
  muster-agent run
  MUSTER_AGENT_HOME=/srv/agent muster-agent run --log-level debug`,
};

/** Throws WrongUse, or MusterError for a setting that cannot be read. */
export function understand(argv: readonly string[], around: Surroundings): Action | undefined {
  let action: Action | undefined;
  const program = new Command('muster-agent')
    .description("Muster's agent: joins a fleet, and runs what its controller signs for this host")
    .version(MUSTER_VERSION, '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .configureOutput({
      writeOut: (text) => around.print(text),
      writeErr: (text) => around.note(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'muster-agent: ')),
    })
    .showHelpAfterError('  "muster-agent --help" lists the commands')
    .exitOverride();
  const configOf = (options: Options): Config => readConfig(flagsIn(options), around.env);
  /** For those who dial nobody: whatever else stands in the environment, a proxy that the agent cannot use for instance, is not theirs. */
  const homeOf = (options: Options): string => {
    const { env } = SETTINGS.home;
    return readConfig(flagsIn(options), { [env]: around.env[env] }).home;
  };

  const joining = program
    .command('join')
    .description('join the fleet that a token names')
    .option('--token-file <file>', 'the token, in a file; - for standard input (default: asked for)')
    .option('--token <token>', 'the token itself; every user of this machine can read it there')
    .option('--name <name>', "this agent's name (default: the host's)")
    .option('--label <key=value>', 'a label to propose; may be repeated', collect)
    .option('--replace', 'take over the name that the token was made for; the agent that has it is removed')
    .option('--url <url>', "where the controller is, in place of the token's addresses")
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES.join);
  for (const key of ['home', 'proxy', 'proxyAuthFile', 'direct'] as const) addSetting(joining, key);
  joining.action((options) => {
    const config = configOf(options);
    action = async () => {
      warnOfPassword(options, around);
      const via = viaOf(config, around.readFile);
      return (await import('./join.ts')).join(config.home, { ...options, via }, around);
    };
  });

  const making = program
    .command('init')
    .description(
      "make this host's keys for the fleet whose trust comes on standard input, and print the public ones; for installers",
    )
    .requiredOption('--name <name>', "this agent's name");
  addSetting(making, 'home').action((options) => {
    const home = homeOf(options);
    action = async () => (await import('./init.ts')).init(home, options, around);
  });

  const running = program
    .command('run')
    .description('run the agent in the foreground; logs go to standard error');
  for (const key of Object.keys(SETTINGS) as (keyof Config)[]) addSetting(running, key);
  running.addHelpText('after', EXAMPLES.run).action((options) => {
    const config = configOf(options);
    action = async () => {
      warnOfPassword(options, around);
      return (await import('./run.ts')).run(config, around);
    };
  });

  const showing = program
    .command('status')
    .description('what this agent is; exit status 0 when it is connected')
    .option('--json', 'print one JSON object');
  addSetting(showing, 'home').action((options) => {
    const home = homeOf(options);
    action = async () => (await import('./status.ts')).status(home, options, around);
  });

  const leaving = program
    .command('leave')
    .description("forget the fleet: removes this agent's keys and journal")
    .option('--yes', 'do not ask');
  addSetting(leaving, 'home').action((options) => {
    const home = homeOf(options);
    action = async () => (await import('./leave.ts')).leave(home, options, around);
  });

  try {
    program.parse(argv, { from: 'user' });
  } catch (cause) {
    if (!(cause instanceof CommanderError)) throw cause;
    if (cause.exitCode === 0) return undefined;
    throw new WrongUse(cause.message);
  }
  return action;
}

type Options = Readonly<Record<string, string | undefined>>;

/** Under the names of the settings, which are not always those of their flags. */
function flagsIn(options: Options): Flags {
  const named = Object.entries(SETTINGS).map(([key, { flag }]) => [
    key,
    options[new Option(flag).attributeName()],
  ]);
  return Object.fromEntries(named) as Flags;
}

function warnOfPassword({ proxy }: { readonly proxy?: string }, around: Surroundings): void {
  if (proxy?.includes('@'))
    around.note(
      'muster-agent: a password on the command line can be read by every user of this machine; use --proxy-auth-file\n',
    );
}

function addSetting(command: Command, key: keyof Config): Command {
  return command.option(SETTINGS[key].flag, SETTINGS[key].help);
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
