import { TRIAL_STARTS } from '../../../proto/slots.ts';
import { LAYOUT, type Layout } from './layout.ts';

/**
 * What starts an agent on a host, whichever slot is current, and sees a new version through its trial (proto/slots.ts). Written once,
 * and replaced only by an install over SSH, so it has to serve agents of versions to come. POSIX sh, with what GNU and busybox have besides:
 * `mv -T`, `readlink`, `sync FILE`.
 */
export function launcherText({ program }: Layout = LAYOUT): string {
  return `#!/bin/sh
# Starts Muster's agent from its current slot. A new version is on trial until it has come online: it is started at most ${TRIAL_STARTS} times and
# has its time, then the version before starts again. What lies where: proto/slots.ts of Muster.
program='${program}'
trial=$program/trial
export MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=65536 MALLOC_MMAP_THRESHOLD_=65536

log() { printf 'muster-agent: %s\\n' "$1" >&2; }

# A sync of one file is not in every sync; then of all.
persist() { sync "$@" 2>/dev/null || sync; }

uptime_now() {
  uptime=
  read -r uptime _ </proc/uptime
  uptime=\${uptime%%.*}
}

# When process $1 began, as the kernel counts: its number alone may be another's by now. A name may hold anything, also brackets.
ticks_of() {
  stat=
  { stat=$(cat "/proc/$1/stat"); } 2>/dev/null || return 1
  set -- \${stat##*)}
  # Neither gone nor a zombie.
  case $1 in Z | X) return 1 ;; esac
  [ $# -ge 20 ] || return 1
  shift 19
  printf '%s\\n' "$1"
}

is_slot() { case $1 in a | b) return 0 ;; *) return 1 ;; esac; }

# Whole: what says what it is was written last.
can_start() {
  is_slot "$1" && [ -f "$program/$1/release.json" ] || return 1
  [ -x "$program/$1/agent" ] || { [ -f "$program/$1/agent.cjs" ] && [ -x "$program/$1/node" ]; }
}

current_slot() {
  slot=$(readlink "$program/current") || slot=
  can_start "$slot" && return
  for slot in a b; do can_start "$slot" && return; done
  log "there is no agent to start in $program"
  exit 1
}

# become SLOT ARGUMENTS
become() {
  slot=$1
  shift
  export MUSTER_AGENT_PROGRAM="$program" MUSTER_AGENT_SLOT="$slot"
  if [ -x "$program/$slot/agent" ]; then exec "$program/$slot/agent" "$@"; fi
  exec "$program/$slot/node" --disable-warning=ExperimentalWarning --optimize-for-size "$program/$slot/agent.cjs" "$@"
}

# What the trial says; fails where it cannot be read. Of its starts: how many, and the uptime at which its time in this boot began.
read_trial() {
  [ -r "$trial/about" ] || return 1
  order='' old='' new='' within='' starts=0 begun=''
  boot_now=
  read -r boot_now </proc/sys/kernel/random/boot_id
  uptime_now
  boot=
  while IFS='=' read -r name value; do
    case $name in
      order) order=$value ;;
      old) old=$value ;;
      new) new=$value ;;
      within) within=$value ;;
      boot) boot=$value ;;
      uptime) count_from "$boot" "$value" ;;
      start)
        starts=$((starts + 1))
        rest=\${value#* }
        count_from "\${value%% *}" "\${rest%% *}"
        ;;
    esac
  done <"$trial/about"
  [ -n "$begun" ] || begun=$uptime
  case $within in '' | *[!0-9]* | ??????*) return 1 ;; esac
  is_slot "$old" && is_slot "$new" && [ "$old" != "$new" ] && [ -n "$order" ]
}

# count_from BOOT UPTIME: the earliest of this boot. An uptime that is still to come is of another life of this container.
count_from() {
  case $2 in '' | *[!0-9]* | ???????????*) return 0 ;; esac
  [ "$1" = "$boot_now" ] && [ "$2" -le "$uptime" ] || return 0
  if [ -z "$begun" ] || [ "$2" -lt "$begun" ]; then begun=$2; fi
}

is_over() {
  uptime_now
  [ $((uptime - begun)) -ge "$within" ]
}

# Decides that the version before goes on, unless it was decided otherwise by now. What is written was prepared, so that a full disk takes it.
decide_back() {
  printf 'why=%s\\n' "$1" >>"$trial/back"
  persist "$trial/back"
  ln "$trial/back" "$trial/outcome" 2>/dev/null || return 1
  persist "$trial"
}

point_to() {
  [ "$(readlink "$program/current")" = "$1" ] && return
  [ "$(readlink "$trial/old")" = "$1" ] && mv -f -T "$trial/old" "$program/current"
  if [ "$(readlink "$program/current")" != "$1" ]; then
    rm -f "$program/current.new"
    ln -s "$1" "$program/current.new" && mv -f -T "$program/current.new" "$program/current"
  fi
  persist "$program"
}

# Brings to its end what was decided.
complete() {
  result=
  read -r result <"$trial/outcome"
  case $result in
    result=kept) point_to "$new" ;;
    *) point_to "$old" ;;
  esac
  put_aside
}

# Somebody else may have done so.
put_aside() {
  [ -e "$trial" ] || return
  rm -rf "$program/last-trial"
  mv -T "$trial" "$program/last-trial" && persist "$program"
}

# A new version that hangs is ended when its time is over, it and nothing else: watch PID TICKS
watch() {
  watched=$order
  while :; do
    [ "$(ticks_of "$1")" = "$2" ] || exit 0
    read_trial 2>/dev/null && [ "$order" = "$watched" ] && [ ! -e "$trial/outcome" ] || exit 0
    is_over && break
    sleep 1
  done
  # Where not even that can be written, it ends all the same.
  decide_back "did not come online within $within s" || [ ! -e "$trial/outcome" ] || exit 0
  kill_one TERM "$1" "$2"
  for _ in 1 2 3 4 5; do
    sleep 1
    [ "$(ticks_of "$1")" = "$2" ] || exit 0
  done
  kill_one KILL "$1" "$2"
  exit 0
}

kill_one() { [ "$(ticks_of "$2")" = "$3" ] && kill -"$1" "$2"; }

# Starts what is to be started while there is a trial; returns where there is none any more.
on_trial() {
  if ! read_trial; then
    log 'the trial of a new version cannot be read; the version before goes on'
    old=$(readlink "$trial/old") && can_start "$old" && point_to "$old"
    put_aside
    return
  fi
  [ -e "$trial/outcome" ] && { complete; return; }
  # Not begun yet, which the version before does.
  [ "$(readlink "$program/current")" = "$new" ] || return
  why=
  if ! can_start "$new"; then why='is not there'
  elif [ "$starts" -ge ${TRIAL_STARTS} ]; then why="ended $starts times before it was online"
  elif is_over; then why="did not come online within $within s"
  elif ! printf 'start=%s %s %s\\n' "$boot_now" "$uptime" $$ >>"$trial/about"; then why='was not started: its start could not be written down'
  fi
  if [ -n "$why" ]; then
    log "the new version $why; the one before goes on"
    decide_back "$why"
    complete
    return
  fi
  persist "$trial/about"
  ticks=$(ticks_of $$) && (watch $$ "$ticks" </dev/null >/dev/null 2>&1 &)
  become "$new" "$@"
}

# Whoever may not write there counts no start. A trial that nobody can bring to its end, as on a disk that can only be read by now, is none:
# the version before starts.
if [ "\${1:-}" = run ] && [ -e "$trial" ]; then
  [ ! -w "$program" ] || on_trial "$@"
  result=
  read -r result 2>/dev/null <"$trial/outcome"
  if [ "$result" != result=kept ] && old=$(readlink "$trial/old") && can_start "$old"; then become "$old" "$@"; fi
fi
current_slot
become "$slot" "$@"
`;
}
