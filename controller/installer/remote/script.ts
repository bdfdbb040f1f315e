import { CAUSES, type Cause, HostFailure } from '../failure.ts';
import type { Answer } from '../shell.ts';

/**
 * The begin of every script that changes a host: it ends at the first thing that does not succeed, and says in the C locale why.
 * What it has to tell it writes as lines NAME=VALUE; `fail CAUSE WHY` ends it with a cause of the table in failure.ts.
 */
export const PRELUDE = `set -eu
export LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022
tell() { printf '%s=%s\\n' "$1" "$2"; }
fail() { tell "failed $1" "$2"; exit 3; }
has() { command -v "$1" >/dev/null 2>&1; }
# What is below a folder is on the disk, power cut or not.
settle() { sync -f "$1" 2>/dev/null || sync; }
# PATH MODE: puts what comes on standard input there as a whole, owned by root, and tells so, unless it is there already.
put() {
  cat >"$1.new"
  chown 0:0 "$1.new"
  chmod "$2" "$1.new"
  if [ -f "$1" ] && ! [ -L "$1" ] && [ "$(cat "$1.new")" = "$(cat "$1")" ]; then
    rm "$1.new"
    chmod "$2" "$1"
    return
  fi
  mv -f "$1.new" "$1"
  tell changed "$1"
}
# The fields of a process that stay: its pid and when it began. Nothing where there is none, or one that has ended and that nobody waits for,
# as in a container whose first process is no init.
began() {
  [ -r "/proc/$1/stat" ] && read -r began 2>/dev/null <"/proc/$1/stat" || return 1
  set -- $(printf '%s' "\${began##*) }")
  case $1 in Z | X) return 1 ;; esac
  printf '%s' "\${20}"
}
`;

/** Shell text by which `put` gets a content that is no secret. */
export function putText(path: string, content: string, mode: '0644' | '0755'): string {
  if (/^END$/m.test(content)) throw new Error('a line of it would end it');
  return `put ${path} ${mode} <<'END'\n${content.replace(/\n?$/, '\n')}END`;
}

export type Told = ReadonlyMap<string, readonly string[]>;

/** What a script told. Throws HostFailure where it did not succeed: with its cause, or one that its words show. */
export function toldBy(answer: Answer, doing: string): Told {
  const told = new Map<string, string[]>();
  for (const line of answer.stdout.split('\n')) {
    const [, name, value = ''] = /^([\w.-]+(?: [\w-]+)?)=(.*)$/.exec(line) ?? [];
    if (name !== undefined) told.set(name, [...(told.get(name) ?? []), value]);
  }
  if (answer.status === 0) return told;
  for (const [name, [why = '']] of told) {
    const cause = /^failed (\S+)$/.exec(name)?.[1];
    if (cause !== undefined && isCause(cause)) throw new HostFailure(cause, printable(why));
  }
  const words = printable(answer.stderr.trim().split('\n').slice(-3).join('; '));
  if (/No space left on device|Disk quota exceeded/.test(answer.stderr))
    throw new HostFailure('disk-full', doing);
  throw new HostFailure('step', `${doing}: ${words || `status ${answer.status}`}`);
}

const isCause = (text: string): text is Cause => Object.hasOwn(CAUSES, text);

/** What a host said, for a terminal: nothing in it is obeyed. */
export const printable = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 1_000);
