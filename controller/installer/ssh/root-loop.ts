/**
 * What the far end of a root shell runs. The texts here pass through login shells (sh, bash, dash, zsh, csh, tcsh, fish) and through
 * sudo, so each keeps to what its way allows.
 *
 * The protocol, after the mark: we send `KEY LENGTH INPUT\n` and LENGTH bytes of script; INPUT is `input` or `none`. Then, where there
 * is input, chunks of it, each `LENGTH\n` and its bytes, and `0\n` behind the last. The far end says `\nKEY STATUS\n` on stdout and on
 * stderr as soon as the script has ended, whatever it took of its input; to that we say `end\n`. KEY is made anew each time, so that
 * nothing that is printed can be taken for an end. Between any two of these messages we say `beat\n`, several times in LEASE_SECONDS.
 *
 * While a script runs there is always somebody who reads our side: a connection that is cut ends the shell with all that it runs, and is
 * never an end of input. One that is gone without a word (a network that is unplugged, an operator's machine that sleeps) is noticed by
 * the beats that are missing; sshd itself may take hours, and whoever tries again would find the host locked.
 */

/** Without a beat for so long the far end takes us for gone. */
const LEASE_SECONDS = 120;
export const BEAT_MS = 20_000;
export const BEAT = 'beat\n';

/**
 * The command that sshd gives to the user's own shell: it says `\nMARK UID\n` on stdout, then carries out one line that it reads. No
 * quote, backslash, exclamation mark or newline between the single quotes, which is what all those shells read alike.
 */
export function loginCommand(mark: string): string {
  return `/bin/sh -c 'echo;echo ${mark} $(id -u);IFS=;set -f;read -r line;eval $line'`;
}

/**
 * The line by which a user becomes root, who then says and reads the same. sudo says the prompt on stderr where it wants a password, and
 * reads that as a line: nothing else is sent before it has let us through. It speaks English, for sudo.ts.
 */
export function sudoLine(mark: string, prompt: string): string {
  return `LC_ALL=C; export LC_ALL; exec sudo -S -p '${prompt}' -- ${loginCommand(mark)}\n`;
}

/**
 * The line, without single quotes, that makes root's shell this far end. `take` reads exactly so many bytes of the standard input: a
 * `head` that reads ahead (busybox's does) would swallow what follows, so it is tried first. The first half of the pipeline reads our
 * side; its descriptor 4 leads to the second, which hears of each beat.
 */
export function rootLoop(mark: string, leaseSeconds = LEASE_SECONDS): string {
  const commands = [
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C',
    'export PATH LC_ALL',
    'unset IFS ENV BASH_ENV CDPATH',
    'umask 022',
    'set +f',
    'cd /',
    'take() { head -c "$1"; }',
    'rest=$(printf "ab\\n" | { head -c 1 >/dev/null; read -r rest; echo "$rest"; })',
    'if [ "$rest" != b ]; then take() { dd bs="$1" count=1 iflag=fullblock 2>/dev/null; }; fi',
    'gone() { trap "" TERM HUP PIPE; kill -TERM 0; sleep 1; kill -KILL 0; }',
    'feed() { while read -r size || gone; do case $size in ' +
      'end) break;; beat) echo >&4;; 0) exec >/dev/null;; *) take "$size" || gone;; esac; done; }',
    'said() { printf "\\n%s %s\\n" "$key" "$1"; printf "\\n%s %s\\n" "$key" "$1" >&2; }',
    'serve() { while read -r key size input; do case $key in beat) echo >&4; continue;; esac; ' +
      'script=$(take "$size"); if [ "$input" = input ]; then ' +
      'feed | { cat; cat >/dev/null; } 2>/dev/null | { ( eval "$script" ) 4>&-; said "$?"; }; ' +
      'else feed >/dev/null | { ( eval "$script" ) </dev/null 4>&-; said "$?"; }; fi; done; }',
    'stop() { [ -z "$timer" ] || kill "$timer"; }',
    `watch() { while read -r beat; do stop; ( sleep ${leaseSeconds} & trap "kill $!" TERM; wait "$!" && gone ) & ` +
      'timer=$!; done; stop; }',
    `key=${mark} timer=`,
    'exec 3>&1',
    '{ echo >&4; said 0; serve; } 4>&1 >&3 3>&- | watch >/dev/null 2>&1 3>&-',
  ];
  return `${commands.join('; ')}\n`;
}

/** What is sent to have a script carried out. */
export function request(key: string, script: string, hasInput: boolean): Buffer {
  const text = Buffer.from(script);
  return Buffer.concat([Buffer.from(`${key} ${text.length} ${hasInput ? 'input' : 'none'}\n`), text]);
}

export const chunkHeader = (lengthBytes: number): string => `${lengthBytes}\n`;
export const END_OF_INPUT = '0\n';
export const END_OF_ANSWER = 'end\n';
