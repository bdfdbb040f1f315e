/** What each service manager is given. They differ in words only: the agent is started at boot, and again whenever it ends. */
import { LAYOUT, type Layout, MARK } from './layout.ts';

/** In a unit each line that is not plain says why it is there: whoever reads it on a host has nothing else at hand. */
export function systemdUnitText(settingsFile: string, layout: Layout = LAYOUT): string {
  return `# ${MARK}; "systemctl edit muster-agent" is the place for changes.
[Unit]
Description=Muster agent
After=network.target
# It is tried again for ever: a host is not to be lost because its controller was away for long.
StartLimitIntervalSec=0

[Service]
ExecStart=${layout.launcher} run
EnvironmentFile=-${settingsFile}
Restart=always
RestartSec=2
# What it runs outlives it and is taken up again; it ends those trees itself, by their own control groups.
KillMode=process
Delegate=yes
OOMPolicy=continue
TimeoutStopSec=20
# Runs are in its group, and each has a limit of its own.
TasksMax=infinity
# Keys are in its memory. What it runs may raise this again.
LimitCORE=0:infinity
UMask=0022
# A shell pipeline that it runs is to end as in a terminal.
IgnoreSIGPIPE=no
# It does root's work in all of the system, so nothing of that is hidden from it (no ProtectSystem=, PrivateTmp=,
# NoNewPrivileges=): every one of these would be inherited by the commands that operators send. What no such command needs:
KeyringMode=private
LockPersonality=yes

[Install]
WantedBy=multi-user.target
`;
}

export function openrcText(settingsFile: string, layout: Layout = LAYOUT): string {
  return `#!/sbin/openrc-run
# ${MARK}.
description="Muster agent"
supervisor=supervise-daemon
command=${layout.launcher}
command_args=run
pidfile=${layout.pidFile}
output_log=${layout.log}
error_log=${layout.log}
umask=022
respawn_delay=2
# For ever: a host is not to be lost because its controller was away for long.
respawn_max=0
# What it runs outlives it and is taken up again: only itself is ended.
retry="TERM/20/KILL/5"

depend() {
  # Not needed: on Debian no service is called localmount.
  use localmount net dns
  after firewall bootmisc
}

if [ -r ${settingsFile} ]; then
  set -a
  . ${settingsFile}
  set +a
fi
`;
}

/** Where nothing starts services: the smallest thing that starts the agent again whenever it ends. */
export function supervisorText(settingsFile: string, layout: Layout = LAYOUT): string {
  return `#!/bin/sh
# ${MARK}. Starts the agent again whenever it ends, until it gets TERM. Nothing starts this at boot; by hand:
#   setsid ${layout.supervisor} </dev/null >/dev/null 2>&1 &
if [ -r ${settingsFile} ]; then
  set -a
  . ${settingsFile}
  set +a
fi
read -r stat </proc/$$/stat
set -- \${stat##*) }
echo "$$ \${20}" >${layout.pidFile}
agent=
ending=
trap 'ending=yes; [ -n "$agent" ] && kill -TERM "$agent" 2>/dev/null' TERM INT
trap '' HUP
while [ -z "$ending" ]; do
  ${layout.launcher} run </dev/null >>${layout.log} 2>&1 &
  agent=$!
  while kill -0 "$agent" 2>/dev/null; do wait "$agent"; done
  agent=
  [ -n "$ending" ] && break
  sleep 2 &
  wait $!
done
rm -f ${layout.pidFile}
`;
}
