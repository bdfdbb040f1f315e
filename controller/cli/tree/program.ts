import { Command, type CommanderError } from 'commander';
import { MUSTER_VERSION } from '../../../proto/version.ts';
import { EXIT, wrongUse } from '../failure.ts';
import type { Surroundings } from '../surroundings.ts';
import { controllerCommands } from './controller-commands.ts';
import { fleetCommands } from './fleet-commands.ts';
import { jobCommands } from './job-commands.ts';

/**
 * What a command does once its line was understood; it loads its own code, so that the others cost nothing. Returns
 * the exit status.
 */
export type Action = (surroundings: Surroundings) => Promise<number>;
/** Called by the command that was meant. */
export type Choose = (action: Action) => void;

/** Where help goes. */
export interface HelpOutput {
  write(text: string): void;
  /** For the help of a line that lacks its command. */
  writeError(text: string): void;
  columns: number;
  colour: boolean;
}

/** Wrong use, or help and version, which commander ends by throwing too. */
export class ParseEnd extends Error {
  readonly command: string;
  readonly end: CommanderError;

  constructor(command: string, end: CommanderError) {
    super(end.message);
    this.command = command;
    this.end = end;
  }
}

/** Groups whose bare name means `ls`. */
const LISTED = new Set(['agents', 'jobs', 'rollout', 'token', 'operator', 'audit']);

/** The whole command line: options, arguments, help. Nothing runs here; `choose` is told what shall. */
export function buildProgram(choose: Choose, out: HelpOutput): Command {
  const program = new Command('muster')
    .description('Runs commands on a fleet of machines, and says truly what became of them.')
    .version(MUSTER_VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .configureHelp({ styleTitle: (title) => title })
    .configureOutput({
      writeOut: out.write,
      writeErr: out.writeError,
      // An error is printed once, by whoever called.
      outputError: () => {},
      getOutHelpWidth: () => out.columns,
      getErrHelpWidth: () => out.columns,
      getOutHasColors: () => out.colour,
    })
    .enablePositionalOptions()
    .addHelpText('after', EXAMPLES);
  jobCommands(program, choose);
  fleetCommands(program, choose);
  controllerCommands(program, choose);
  program.addHelpCommand(helpCommand(program));
  for (const command of everyCommand(program))
    command.exitOverride((end) => {
      throw new ParseEnd(pathOf(command), end);
    });
  return program;
}

function helpCommand(program: Command): Command {
  return program
    .createCommand('help')
    .argument('[command]')
    .description('show help for a command')
    .helpOption(false)
    .helpGroup('This program:');
}

const EXAMPLES = `
Examples:
  muster serve                                  start a controller
  muster install root@web-1 -i inventory.ini    agents on machines, over SSH
  muster token create > join.token              or let a machine join: muster-agent join --token-file join.token
  muster agents                                 the fleet
  muster run -t all -- uname -a                 a command on all of it
  muster script -t 'web-*' check.sh             a script on some of it
  muster jobs                                   what was done, and how it went

Exit status: 0 every run succeeded, 1 some failed, 2 wrong use, 3 nobody matched,
4 none failed but some gave no answer, 5 the controller refused or is not there, 130 left running.`;

export function* everyCommand(command: Command): Generator<Command> {
  yield command;
  for (const child of command.commands) yield* everyCommand(child);
}

/** `muster agents ls` */
export function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}

/** A bare group lists: `agents --json` is `agents ls --json`. */
function withDefault(argv: readonly string[]): string[] {
  const [group = '', next] = argv;
  const bare = next === undefined || (next.startsWith('-') && next !== '-h' && next !== '--help');
  return LISTED.has(group) && bare ? [group, 'ls', ...argv.slice(1)] : [...argv];
}

/**
 * Reads a line. Returns what it asks for, or undefined when it was answered already (help, version). Throws a Failure
 * for wrong use.
 */
export function understand(argv: readonly string[], out: HelpOutput): Action | undefined {
  let chosen: Action | undefined;
  const program = buildProgram((action) => {
    chosen = action;
  }, out);
  try {
    program.parse(withDefault(argv), { from: 'user' });
  } catch (error) {
    if (!(error instanceof ParseEnd)) throw error;
    const { end, command } = error;
    if (end.exitCode === 0) return undefined;
    if (end.code === 'commander.help') return async () => EXIT.wrongUse;
    const [message = '', suggestion] = end.message.replace(/^error: /, '').split('\n');
    throw wrongUse(
      suggestion === undefined ? message : `${message} ${suggestion}`,
      `see "${command} --help"`,
    );
  }
  return chosen;
}
