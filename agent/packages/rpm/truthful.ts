/**
 * Pure: rpm makes warnings of scripts that fail, and dnf exits with 0 all the same; and it asks nobody about configuration files. One that was
 * changed here stays where its package says so (`noreplace`), beside a `.rpmnew`; else it is put aside as `.rpmsave`.
 */
import type { Command } from '../host.ts';

/** Its words: how many names come first, these, and then the command. A `.rpmnew` that was there before is left. */
const SCRIPT = `work=$(mktemp -d) && : >"$work/begun" || exit
names=$1; shift
list=
while [ "$names" -gt 0 ]; do list="$list $1"; shift; names=$((names - 1)); done
{ "$@" 2>&1; echo $? >"$work/status"; } | tee "$work/said"
status=$(cat "$work/status")
[ -z "$list" ] || rpm --query --configfiles -- $list 2>/dev/null | while IFS= read -r file; do
  [ -n "$(find "$file.rpmnew" -maxdepth 0 -cnewer "$work/begun" 2>/dev/null)" ] || continue
  mv -f -- "$file.rpmnew" "$file" && echo "replaced: $file"
done
[ "$status" -ne 0 ] || ! grep -q '^\\(warning\\|error\\): %.* scriptlet failed, ' "$work/said" || status=1
rm -rf -- "$work"
exit "$status"`;

/** The command, which fails where a script did; then configuration files of these packages come in the place of those that rpm kept. */
export function truthful(command: Command, replaceOf: readonly string[]): Command {
  const argv = ['/bin/sh', '-c', SCRIPT, 'sh', String(replaceOf.length), ...replaceOf, ...command.argv];
  return { ...command, argv };
}
