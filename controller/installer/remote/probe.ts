import { LAYOUT, type Layout, MARK } from './layout.ts';
import { quoted } from './quote.ts';
import { reachText } from './reach.ts';

/** Tells of each Node there, by `put node`: its version, or `old` or `untrusted`, and its path. Wants `bounded`. */
export const NODES = `
# As root nothing is run that others may have put there: the file and all folders above it are root's own.
trusted() {
  part=$1
  set -- "$1"
  while [ "$part" != / ]; do
    part=\${part%/*}
    [ -n "$part" ] || part=/
    set -- "$@" "$part"
  done
  parts=$#
  ls -ldn "$@" 2>/dev/null | (
    while read -r mode links owner rest; do
      [ "$owner" = 0 ] || exit 1
      case $mode in ?????w* | ????????w*) exit 1 ;; esac
      parts=$((parts - 1))
    done
    # One that is not there makes fewer lines, a name with a newline in it makes more.
    [ "$parts" -eq 0 ]
  )
}
for node in "$(command -v node)" /usr/bin/node /usr/local/bin/node /usr/bin/nodejs /opt/node/bin/node; do
  case $node in /*) ;; *) continue ;; esac
  case " $seen " in *" $node "*) continue ;; esac
  seen="$seen $node"
  real=$(readlink -f "$node" 2>/dev/null) && [ -f "$real" ] || continue
  if ! trusted "$real" || ! trusted "$(readlink -f "\${node%/*}")"; then put node "untrusted $node"; continue; fi
  version=$(bounded 10 "$node" -e 'require("node:sqlite"); process.stdout.write(process.version)' 2>/dev/null </dev/null) ||
    version=old
  put node "$version $node"
done
`;

/**
 * Looks at a host, in one go, and changes nothing on it. Every line that it writes is NAME=VALUE (probe-answer.ts reads them), the
 * last one `end=`. Only dash's and busybox's shell and a handful of programs are taken for granted.
 * Its standard input is the proxy through which the controller is to be reached, or nothing: it may hold a password.
 */
export function probeText(urls: readonly string[], layout: Layout = LAYOUT): string {
  return `export LC_ALL=C
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
IFS= read -r proxy || :
put() { printf '%s=%s\\n' "$1" "$2"; }
has() { command -v "$1" >/dev/null 2>&1; }
# The first 4096 bytes, in one line.
line() { [ -e "$1" ] && head -c 4096 "$1" 2>/dev/null | tr -s '\\n\\t ' ' '; }
# Its first line, without a process; and what sed finds in a file that may not be there.
first() { [ -r "$1" ] && { IFS= read -r row || [ -n "$row" ]; } <"$1" && printf '%s' "$row"; }
within() { [ -e "$1" ] && sed -n "$2" "$1" 2>/dev/null; }
${reachText(urls)}
put clock "$(date +%s)"
put uid "$(id -u)"
set -- $(uname -srm)
put kernel "\${1:-} \${2:-}"
put arch "\${3:-}"
put hostname "$(first /proc/sys/kernel/hostname || uname -n)"
id= version= name=
[ -r /etc/os-release ] && while IFS= read -r row || [ -n "$row" ]; do
  case $row in
    ID=*) id=\${row#*=} ;;
    VERSION_ID=*) version=\${row#*=} ;;
    PRETTY_NAME=*) name=\${row#*=} ;;
  esac
done </etc/os-release
put os.ID "$id"
put os.VERSION_ID "$version"
put os.PRETTY_NAME "$name"
put glibc "$(getconf GNU_LIBC_VERSION 2>/dev/null || ldd --version 2>&1 | sed -n 's/.*\\(glibc\\|GLIBC\\|GNU libc\\).* \\([0-9.]*\\)$/glibc \\2/p' | head -n 1)"
for one in /lib/ld-musl-*.so.1; do [ -e "$one" ] && put musl "$one"; done
for one in /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1; do [ -e "$one" ] && put loader "$one"; done
for one in /lib /lib64 /usr/lib /usr/lib64 /usr/local/lib /lib/*-linux-gnu /usr/lib/*-linux-gnu; do
  [ -e "$one/libstdc++.so.6" ] && put libstdcxx "$one" && break
done
put pid1 "$(first /proc/1/comm)"
[ -d /run/systemd/system ] && put systemd yes
[ -e /run/openrc/softlevel ] && has rc-service && put openrc yes
[ -r /sys/fs/selinux/enforce ] && put selinux "$(first /sys/fs/selinux/enforce)"
[ -d ${layout.etc}/sysconfig ] && put sysconfig yes
for tool in zstd xz gzip sha512sum openssl setsid restorecon systemctl journalctl; do has "$tool" && put tool "$tool"; done

# NAME FOLDER: what is free where it is or would be, on which mount, and how that is mounted.
room() {
  folder=$2
  while [ ! -d "$folder" ]; do folder=\${folder%/*}; [ -n "$folder" ] || folder=/; done
  set -- "$1" $(df -Pk "$folder" 2>/dev/null | { read -r row && IFS= read -r row && printf '%s' "$row"; })
  [ $# -ge 7 ] || return
  while read -r device mount kind options rest; do
    [ "$mount" = "$7" ] && found=$options
  done </proc/self/mounts
  put "room.$1" "$5 $7 \${found:-?}"
  found=
}
room program ${layout.program}
room home ${layout.home}
room tmp /tmp

${NODES}
# Not that of the command: many a Debian has a /usr/local that its group staff may write to, and nothing is started from there.
for folder in ${layout.program} ${layout.home}; do
  while [ ! -d "$folder" ]; do folder=\${folder%/*}; [ -n "$folder" ] || folder=/; done
  trusted "$(readlink -f "$folder")" || put open "$folder"
done

put slot "$(readlink ${layout.current} 2>/dev/null)"
for slot in a b; do put "release.$slot" "$(line ${layout.program}/$slot/release.json)"; done
[ -e ${layout.trial} ] && put trial "of $(sed -n 's/^order=//p' ${layout.trial}/about 2>/dev/null | head -n 1)"
[ -e ${layout.removing} ] && put removing yes
[ -x ${layout.launcher} ] && put launcher yes
for file in ${layout.systemdUnit} ${layout.openrcScript} ${layout.supervisor}; do
  [ -e "$file" ] || continue
  if grep -q ${quoted(MARK)} "$file" 2>/dev/null; then put service "ours $file"; else put service "other $file"; fi
done
if [ -e ${layout.command} ] && [ "$(readlink ${layout.command})" != ${layout.launcher} ]; then put command other; fi
home=${layout.home}
put home.fleet "$(within "$home/identity.json" 's/^ *"fleetId": *"\\([0-9a-f]*\\)".*/\\1/p')"
put home.agent "$(within "$home/identity.json" 's/^ *"agentId": *"\\([0-9a-f]*\\)".*/\\1/p')"
put home.name "$(within "$home/identity.json" 's/^ *"name": *"\\([^"]*\\)".*/\\1/p')"
read -r pid began 2>/dev/null <${layout.pidFile} && [ -r "/proc/$pid/stat" ] && read -r stat <"/proc/$pid/stat" &&
  set -- \${stat##*) } && [ "\${20}" = "$began" ] && put supervised "$pid"
# The agent that runs is the one that the home's status names, if its process is still that one.
pid=$(within "$home/status.json" 's/.*"pid": *\\([0-9]*\\).*/\\1/p')
began=$(within "$home/status.json" 's/.*"startTicks": *"\\([0-9]*\\)".*/\\1/p')
if [ -n "$pid" ] && [ -r "/proc/$pid/stat" ]; then
  read -r stat <"/proc/$pid/stat"
  set -- \${stat##*) }
  [ "\${20}" = "$began" ] && put running "$pid"
fi
wait
put end ''
`;
}
