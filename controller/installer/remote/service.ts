/** The service of an agent, by the words of whatever starts services there. Every text may be carried out again. */
import type { Manager } from '../plan.ts';
import { LAYOUT, type Layout } from './layout.ts';
import { PRELUDE, putText } from './script.ts';
import { openrcText, supervisorText, systemdUnitText } from './service-files.ts';

const ENSURE_SUPERVISED = (layout: Layout): string => `
# The supervisor that the pid file names, if it is still that process.
supervisor() {
  [ -r ${layout.pidFile} ] && read -r pid since <${layout.pidFile} || return 1
  [ "$(began "$pid")" = "$since" ] && printf '%s' "$pid"
}
supervise() {
  supervisor >/dev/null && return
  if has setsid; then setsid ${layout.supervisor} </dev/null >/dev/null 2>&1 &
  else (trap '' HUP; exec ${layout.supervisor} </dev/null >/dev/null 2>&1) & fi
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    supervisor >/dev/null && return
    sleep 0.1 2>/dev/null || sleep 1
  done
  fail step 'the supervisor did not start'
}
end_supervisor() {
  pid=$(supervisor) || return 0
  kill -TERM "$pid"
  for attempt in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    supervisor >/dev/null || return 0
    sleep 1
  done
  fail step 'the supervisor does not end'
}
`;

/** Writes what the service manager is to know, and starts the agent now and at every boot; one that runs is started anew. */
export function startText(manager: Manager, settingsFile: string, layout: Layout = LAYOUT): string {
  switch (manager) {
    case 'systemd':
      return `${PRELUDE}
${putText(layout.systemdUnit, systemdUnitText(settingsFile, layout), '0644')}
systemctl daemon-reload
systemctl --quiet enable ${layout.service}
systemctl restart ${layout.service}
`;
    case 'openrc':
      return `${PRELUDE}
${putText(layout.openrcScript, openrcText(settingsFile, layout), '0755')}
rc-update --quiet add ${layout.service} default
rc-service --quiet ${layout.service} restart
`;
    case 'none':
      return `${PRELUDE}${ENSURE_SUPERVISED(layout)}
${putText(layout.supervisor, supervisorText(settingsFile, layout), '0755')}
end_supervisor
supervise
`;
  }
}

/** Ends the agent, and not what it runs. */
export function stopText(manager: Manager, layout: Layout = LAYOUT): string {
  switch (manager) {
    case 'systemd':
      return `${PRELUDE}systemctl stop ${layout.service}\n`;
    case 'openrc':
      return `${PRELUDE}rc-service --quiet ${layout.service} stop\n`;
    case 'none':
      return `${PRELUDE}${ENSURE_SUPERVISED(layout)}end_supervisor\n`;
  }
}

/** Ends it, and takes from the service manager what startText gave. */
export function removeText(manager: Manager, layout: Layout = LAYOUT): string {
  switch (manager) {
    case 'systemd':
      return `${PRELUDE}
systemctl --quiet disable --now ${layout.service} 2>/dev/null || :
rm -f ${layout.systemdUnit}
systemctl daemon-reload
systemctl reset-failed ${layout.service} 2>/dev/null || :
`;
    case 'openrc':
      return `${PRELUDE}
[ -e ${layout.openrcScript} ] || exit 0
rc-service --quiet ${layout.service} stop || :
rc-update --quiet del ${layout.service} default || :
rm -f ${layout.openrcScript} ${layout.log}
`;
    case 'none':
      return `${PRELUDE}${ENSURE_SUPERVISED(layout)}
end_supervisor
rm -f ${layout.supervisor} ${layout.pidFile} ${layout.log}
`;
  }
}

/** Its last lines, for a failure's detail. */
export function lastWordsText(manager: Manager, layout: Layout = LAYOUT): string {
  const journal = `journalctl --no-pager --quiet --output=cat --lines=8 --unit=${layout.service}`;
  return manager === 'systemd' ? `${journal}\n` : `tail -n 8 ${layout.log}\n`;
}
