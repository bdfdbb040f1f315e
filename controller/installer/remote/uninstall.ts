import { LAYOUT, type Layout } from './layout.ts';
import { PRELUDE } from './script.ts';

/**
 * Removes an agent from its host: the service, the programs, the settings, and with them keys, journal and spool. It is
 * /opt/muster-agent/bin/uninstall, for `muster uninstall`, the agent's own last task, and by hand. What is gone already is no failure.
 *
 *   uninstall [--keep-home]
 */
export function uninstallText(layout: Layout = LAYOUT): string {
  return `#!/bin/sh
# Removes Muster's agent from this host: uninstall [--keep-home]
${PRELUDE}
case \${1:-} in
  '' | --keep-home) ;;
  *) echo 'usage: uninstall [--keep-home]' >&2; exit 2 ;;
esac
if [ "$(id -u)" != 0 ]; then echo 'uninstall: only root can' >&2; exit 1; fi
# It is read while its own file is removed.
cd /
if [ -e ${layout.systemdUnit} ]; then
  if has systemctl; then systemctl --quiet disable --now ${layout.service} 2>/dev/null || :; fi
  rm -f ${layout.systemdUnit}
  if has systemctl; then
    systemctl daemon-reload 2>/dev/null || :
    systemctl reset-failed ${layout.service} 2>/dev/null || :
  fi
fi
rm -rf ${layout.systemdUnit}.d
if [ -e ${layout.openrcScript} ]; then
  if has rc-service; then
    rc-service --quiet ${layout.service} stop || :
    rc-update --quiet del ${layout.service} default || :
  fi
  rm -f ${layout.openrcScript}
fi
if [ -r ${layout.pidFile} ] && read -r pid since <${layout.pidFile} && [ "$(began "$pid")" = "$since" ]; then
  kill -TERM "$pid"
  for attempt in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ "$(began "$pid")" = "$since" ] || break
    sleep 1
  done
fi
if [ "\${1:-}" != --keep-home ]; then rm -rf ${layout.home}; fi
if [ "$(readlink ${layout.command} 2>/dev/null)" = ${layout.launcher} ]; then rm -f ${layout.command}; fi
rm -f ${layout.settings.debian} ${layout.settings.redhat} ${layout.pidFile} ${layout.log}
rm -rf ${layout.program}
`;
}
