import { PLACES } from './layout.ts';

/** The first line of a unit that this program made, and may replace. */
export const MADE_BY_US = '# Made by "muster serve --install-service", which replaces it at each upgrade.';

/** Ports below this one are root's, unless a capability says otherwise. */
const FIRST_FREE_PORT = 1024;

/**
 * It may write to its home and nowhere else, gains nothing by setuid programs, and sees neither homes nor devices. W^X is left out: a
 * JIT compiler writes what it runs.
 */
export function unitText({ settings, port }: { settings: string; port: number }): string {
  const lowPort = port < FIRST_FREE_PORT;
  return `${MADE_BY_US}
# Settings are in ${settings}; changes of the unit belong into ${PLACES.unit}.d/*.conf.
[Unit]
Description=Muster controller
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
User=${PLACES.user}
Group=${PLACES.user}
Environment=MUSTER_HOME=${PLACES.home}
EnvironmentFile=-${settings}
ExecStart=${PLACES.commandTarget} serve
WorkingDirectory=${PLACES.home}
Restart=always
RestartSec=2
# Wrong settings do not mend themselves.
RestartPreventExitStatus=2
TimeoutStopSec=90
# Two for each agent at the worst, when all come back at once, and some for operators.
LimitNOFILE=65536
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=${lowPort ? 'CAP_NET_BIND_SERVICE' : ''}
${lowPort ? 'AmbientCapabilities=CAP_NET_BIND_SERVICE\n' : ''}ProtectSystem=strict
ReadWritePaths=${PLACES.home}
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`;
}
