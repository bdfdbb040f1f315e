import { constants } from 'node:os';

/**
 * The shim is the process between the agent and a command: a shell in a session of its own, so that the command
 * neither hears of the agent's end nor loses its pipes by it. It is started ahead of time with its run folder as
 * working directory and reads its own text from stdin, a socket: first SHIM, later the one line that `orderLine` makes.
 * Should the agent die before that line is whole, the shell meets the end of its input and leaves without a start.
 *
 *   out, err   FIFOs. The shim holds both open for reading too (3, 4), so that a command that writes while no agent
 *              reads blocks when its pipe is full, and is not killed by SIGPIPE. The command does not get 3 and 4.
 *   exit       the shim's own stderr: "start\n" before the command is started (if that cannot be written, nothing is),
 *              what the shell says of the command's end, and "exit N\n", whose newline is the commit mark. One file
 *              and no mv, since a fork and an exec cost as much as a short command.
 *
 *   env, script  opened as 9 and 8 where the command is to read them by descriptor: another user may own them and still have
 *              no way to them, when a folder above keeps him out.
 *
 * At the end the shim closes its stdout, which tells the agent, and stays until that kills it: what the command wrote last is
 * in the pipes, and pipes that nobody holds are empty. It holds them for reading only by then (5, 6), so that their end says
 * whether somebody else still writes. If the agent goes first, stdin ends; then the shim becomes a sleep
 * that holds the pipes for the next agent. For a day, lest it outlive an agent that was removed for ever.
 *
 * The traps let the shim outlive a signal to its whole group; handlers, unlike ignored signals, are not inherited.
 * Node raises the limit of open files for itself; a command gets the soft limit that systemd gives.
 */
export const SHIM = `ulimit -S -n 1024
umask 077
exec 2>>exit 3<>out 4<>err
umask 022
trap : HUP INT QUIT TERM ALRM USR1 USR2
run() {
echo start >&2 || exit 125
([ "$3" ] && exec 9<env
[ "$4" ] && exec 8<script
cd "$1" || exit 126; shift 4; unset OLDPWD; exec "$@") <"$2" >out 2>err 3>&- 4>&-
s=$?
echo "exit $s" >&2 || exit 125
exec 5<out 6<err 3>&- 4>&-
exec >&-
read -r s
unset MUSTER_JOB
exec sleep 86400
}
`;

export const SHIM_ARGV = ['-s', 'muster-run'] as const;

/** For POSIX shells: every byte but NUL stands for itself. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * What makes a waiting shim start its command. A shell reads a compound command to its closing brace before it
 * carries out any of it, so that half a line starts nothing.
 */
export function orderLine(order: {
  cwd: string;
  input: string;
  /** What the command reads as /dev/fd/9 and /dev/fd/8. */
  opens?: { readonly env: boolean; readonly script: boolean };
  env: Readonly<Record<string, string>>;
  argv: readonly string[];
}): string {
  const opens = [order.opens?.env ? 'env' : '', order.opens?.script ? 'script' : ''];
  const exports = Object.entries(order.env).map(([name, value]) => `export ${name}=${quote(value)}\n`);
  const words = [order.cwd, order.input, ...opens, ...order.argv].map(quote).join(' ');
  return `{ ${exports.join('')}run ${words}\n}\n`;
}

/** Whether the file `exit` says that the command was about to be started: from then on its effect may be there. */
export function hasStarted(text: string): boolean {
  return STARTED.test(text);
}

/** Whether the file `exit` says how the command ended. */
export function hasEnded(text: string): boolean {
  return hasStarted(text) && COMMITTED.test(text);
}

const STARTED = /(?:^|\n)start\n/;
const COMMITTED = /(?:^|\n)exit (\d{1,3})\n$/;

/** How the command ended, as far as it is known. */
export type Ending =
  | { readonly kind: 'exited'; readonly exitCode: number; readonly reason?: string }
  | { readonly kind: 'signalled'; readonly signal: string }
  | { readonly kind: 'not-started'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/**
 * Reads the file `exit` of a shim that has ended its command, or is gone. `shimSignal` is what killed it, if that is known.
 *
 * A shell gives 128+n both for a command that exits so and for one that dies of signal n; but dash, bash and busybox
 * all say a word of the latter, except for INT and PIPE.
 */
export function parseEnding(text: string, shimSignal: string | undefined): Ending {
  const started = STARTED.exec(text);
  if (!started) {
    const said = text.trim();
    return { kind: 'not-started', reason: `the command could not be started${said ? `: ${said}` : ''}` };
  }
  const rest = text.slice(started.index + started[0].length);
  const committed = COMMITTED.exec(rest);
  const note = rest.slice(0, committed?.index).trim();
  if (!committed) {
    const how = shimSignal ? `was killed by ${shimSignal}` : note ? `failed: ${note}` : 'failed';
    return { kind: 'unknown', reason: `the process that watches the command ${how}; its end was not seen` };
  }
  const status = Number(committed[1]);
  if (status <= 128) {
    if (note === '') return { kind: 'exited', exitCode: status };
    return { kind: 'not-started', reason: `the command could not be started: ${note}` };
  }
  const signal = signalName(status - 128);
  if (note !== '' && signal) return { kind: 'signalled', signal };
  if (signal !== 'SIGINT' && signal !== 'SIGPIPE') return { kind: 'exited', exitCode: status };
  return {
    kind: 'exited',
    exitCode: status,
    reason: `exit status ${status}: the command's own, or ${signal}; a shell does not tell them apart`,
  };
}

/** `SIGTERM` for 15; the real-time signals have no names. */
export function signalName(number: number): string | undefined {
  for (const [name, value] of Object.entries(constants.signals)) if (value === number) return name;
  return number >= 32 && number <= 64 ? `SIG${number}` : undefined;
}
