import { LAYOUT, type Layout } from './layout.ts';
import { PRELUDE } from './script.ts';

/**
 * Removes an agent from its host: the service, the programs, the settings, and with them keys, journal and spool. It is
 * /opt/muster-agent/bin/uninstall, for `muster uninstall`, the agent's own last task, and by hand. What is gone already is no failure.
 *
 *   uninstall [--keep-policy]
 *
 * Cut off at any point, by a power cut say, it is only to be carried out again, and every start of the agent does that (`removing`):
 * so what starts the agent goes after everything else but the programs.
 */
export function uninstallText(layout: Layout = LAYOUT): string {
  return `#!/bin/sh
# Removes Muster's agent from this host. --keep-policy leaves ${layout.home}/policy.json.
${PRELUDE}
refuse() { echo "uninstall: $1" >&2; exit 1; }
keep=
case \${1:-} in
  '') ;;
  --keep-policy) keep=policy ;;
  *) echo 'usage: uninstall [--keep-policy]' >&2; exit 2 ;;
esac
if [ "$(id -u)" != 0 ]; then refuse 'only root can'; fi
# Whoever started it may end before it does.
trap '' HUP PIPE
cd /
if [ -d ${layout.program} ]; then
  # Both are empty: that takes no room where there is none.
  if [ -e ${layout.removing} ] && [ -e ${layout.removing}-keep ]; then keep=policy; fi
  if [ -n "$keep" ]; then : >${layout.removing}-keep; else rm -f ${layout.removing}-keep; fi
  settle ${layout.program}
  : >${layout.removing}
  settle ${layout.program}
fi

# PID SINCE: ends this process, if it is still the one that began then.
end() {
  attempt=0
  while [ "$(began "$1" || :)" = "$2" ]; do
    case $attempt in
      0) kill -TERM "$1" || : ;;
      20) kill -KILL "$1" || : ;;
      25) refuse "process $1 does not end" ;;
    esac
    attempt=$((attempt + 1))
    sleep 1
  done
}
if [ -e ${layout.systemdUnit} ] && [ -d /run/systemd/system ]; then
  systemctl stop ${layout.service} || refuse 'its service does not stop'
fi
if [ -e ${layout.openrcScript} ] && has rc-service; then
  # With the service OpenRC may end all of its cgroup, in which this may be.
  { echo $$ >/sys/fs/cgroup/cgroup.procs; } 2>/dev/null || :
  rc-service --quiet ${layout.service} stop || refuse 'its service does not stop'
fi
if [ -r ${layout.pidFile} ] && read -r pid since <${layout.pidFile} && [ -n "$since" ]; then end "$pid" "$since"; fi
# One that was started by hand.
status=$(sed -n 's/.*"pid":\\([0-9][0-9]*\\),"startTicks":"\\([0-9][0-9]*\\)".*/\\1 \\2/p' ${layout.home}/status.json 2>/dev/null || :)
if [ -n "$status" ]; then end $status; fi

if [ -n "$keep" ] && [ -e ${layout.home}/policy.json ]; then
  for path in ${layout.home}/* ${layout.home}/.[!.]*; do
    if [ "$path" != ${layout.home}/policy.json ]; then rm -rf "$path"; fi
  done
else
  rm -rf ${layout.home}
fi
if [ "$(readlink ${layout.command} 2>/dev/null)" = ${layout.launcher} ]; then rm -f ${layout.command}; fi
rm -f ${layout.settings.debian} ${layout.settings.redhat} ${layout.pidFile} ${layout.log}

if [ -e ${layout.systemdUnit} ] && has systemctl; then systemctl --quiet disable ${layout.service} 2>/dev/null || :; fi
if [ -e ${layout.openrcScript} ] && has rc-update; then rc-update --quiet del ${layout.service} default || :; fi
rm -rf ${layout.systemdUnit} ${layout.systemdUnit}.d ${layout.openrcScript}
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload 2>/dev/null || :
  systemctl reset-failed ${layout.service} 2>/dev/null || :
fi
# The shell reads on in this file when it is gone.
rm -rf ${layout.program}
`;
}
