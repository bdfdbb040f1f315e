import { LAYOUT, type Layout } from './layout.ts';
import { PRELUDE } from './script.ts';

/**
 * Who works on a host is a file below /run, named by the root shell's pid and the time of its start: where that process has gone, the
 * file says nothing any more, and whoever comes next removes it. Each puts its file there before it looks for others, so of two that come at
 * once at least one sees the other. Of those the one whose name sorts first waits a moment for the other to give way; both may be
 * refused, never both let in. What is refused says who, and since when.
 * Its standard input is one line: by whom, for that sentence.
 */
export function lockText(layout: Layout = LAYOUT): string {
  return `${PRELUDE}
kernel=$(uname -s)
[ "$kernel" = Linux ] || fail unsupported "its kernel is $kernel"
IFS= read -r by || :
locks=${layout.locks}
mine=$$.$(began $$)
for attempt in 1 2 3; do
  mkdir -p -m 0700 "$locks" && (printf '%s since %s\\n' "$by" "$(date '+%H:%M:%S')" | cat >"$locks/.$mine") 2>/dev/null && break
done
mv "$locks/.$mine" "$locks/$mine"
others() {
  for lock in "$locks"/*; do
    name=\${lock##*/}
    [ "$name" = "$mine" ] && continue
    [ -e "$lock" ] || continue
    if [ "$(began "\${name%.*}")" = "\${name#*.}" ]; then
      printf '%s' "$name"
      return
    fi
    rm -f "$lock"
  done
}
other=$(others)
for attempt in 1 2 3 4 5; do
  [ -n "$other" ] || exit 0
  [ "$(printf '%s\\n%s\\n' "$mine" "$other" | sort | head -n 1)" = "$mine" ] || break
  sleep 0.2 2>/dev/null || sleep 1
  other=$(others)
done
[ -n "$other" ] || exit 0
who=$(cat "$locks/$other" 2>/dev/null) || who='somebody'
rm -f "$locks/$mine"
fail locked "by $who"
`;
}

/** Lets go. Never fails: the end of the shell does the same. */
export function unlockText(layout: Layout = LAYOUT): string {
  return `${PRELUDE}
rm -f ${layout.locks}/$$.$(began $$)
rmdir ${layout.locks} 2>/dev/null || :
`;
}
