/** The service of an agent, by the words of whatever starts services there. Every text may be carried out again. */
import type { Manager } from '../plan.ts';
import { LAYOUT, type Layout } from './layout.ts';
import { PRELUDE, printable, putText } from './script.ts';
import { openrcText, supervisorText, systemdUnitText } from './service-files.ts';

const SUPERVISION = (layout: Layout): string => `
# PID SINCE: whether this process is still the one that began then.
lives() { [ -n "\${2:-}" ] && [ "$(began "$1")" = "$2" ]; }
# The supervisor that the pid file names.
supervisor() {
  read -r pid since 2>/dev/null <${layout.pidFile} && lives "$pid" "$since"
}
# The agent that runs, whoever started it.
agent() {
  set -- $(sed -n 's/.*"pid":\\([0-9]*\\),"startTicks":"\\([0-9]*\\)".*/\\1 \\2/p' ${layout.home}/status.json 2>/dev/null)
  pid=\${1:-} since=\${2:-}
  lives "$pid" "$since"
}
# Ends what one of these names; it has its time to let go of what it runs.
end() {
  "$1" || return 0
  kill -TERM "$pid" 2>/dev/null || :
  for attempt in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    lives "$pid" "$since" || return 0
    sleep 0.2 2>/dev/null || sleep 1
    [ "$attempt" -lt 10 ] || sleep 1
  done
  kill -KILL "$pid" 2>/dev/null || :
}
supervise() {
  if has setsid; then setsid ${layout.supervisor} </dev/null >/dev/null 2>&1 &
  else (trap '' HUP; exec ${layout.supervisor} </dev/null >/dev/null 2>&1) & fi
  for attempt in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    supervisor && return
    sleep 0.1 2>/dev/null || sleep 1
  done
  fail step 'the supervisor did not start'
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
      return `${PRELUDE}${SUPERVISION(layout)}
${putText(layout.supervisor, supervisorText(settingsFile, layout), '0755')}
end supervisor
end agent
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
      return `${PRELUDE}${SUPERVISION(layout)}end supervisor\nend agent\n`;
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
      return `${PRELUDE}${SUPERVISION(layout)}
end supervisor
end agent
rm -f ${layout.supervisor} ${layout.pidFile} ${layout.log}
`;
  }
}

/** Its last lines, for a failure's detail. */
export function lastWordsText(manager: Manager, layout: Layout = LAYOUT): string {
  const journal = `journalctl --no-pager --quiet --output=cat --lines=8 --unit=${layout.service}`;
  return manager === 'systemd' ? `${journal}\n` : `tail -n 8 ${layout.log}\n`;
}

/** The last of its lines that says more than that it started or stopped, in words. */
export function lastWords(log: string): string {
  const said = log
    .split('\n')
    .map(inWords)
    .filter((line) => line !== '');
  return printable(said.at(-1) ?? '');
}

/** A line of the agent's log, of its launcher's, or of what keeps either from starting. */
function inWords(line: string): string {
  if (!line.startsWith('{')) return line.trim();
  try {
    const { level, msg, reason, cause } = Object(JSON.parse(line)) as Record<string, unknown>;
    if (level === 'info' || level === 'debug') return '';
    return [msg, reason, cause].filter((part) => typeof part === 'string').join(': ');
  } catch {
    return line.trim();
  }
}
