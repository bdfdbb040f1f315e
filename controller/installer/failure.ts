/** Why a host was not installed: the cause groups hosts in the summary, the detail is of this one. */

interface CauseRow {
  /** What happened; the heading of its group. */
  readonly sentence: string;
  /** What to do next. */
  readonly next: string;
  /** Whether the same command may succeed later without anybody changing anything. */
  readonly retryable: boolean;
}

const row = (sentence: string, next: string, retryable = false): CauseRow => ({ sentence, next, retryable });

export const CAUSES = {
  // --- before anything is on the host
  'bad-host': row('the entry cannot be used', 'correct it where it was read'),
  'name-unknown': row('the name is not known', 'check the spelling, DNS and HostName in ssh_config', true),
  unreachable: row('no connection', 'check that the host is up, its address, port and firewall', true),
  'no-ssh': row('no SSH server answers there', 'check the port', true),
  handshake: row(
    'its SSH server and this program do not agree',
    'see the reason; old servers know no safe way',
  ),
  'key-changed': row(
    'THE HOST KEY HAS CHANGED: somebody may be in between',
    'find out why; only then remove the old key with "ssh-keygen -R HOST"',
  ),
  'key-revoked': row('the host key is marked as revoked', 'do not use this host before its key was replaced'),
  'key-unknown': row(
    'the host key is not known',
    'connect once by ssh and compare, or use --host-key-policy accept-new or ask',
  ),
  'permission-denied': row('permission denied', 'check the user and the keys that it lets in'),
  'no-identity': row('no key and no password to try', 'start ssh-agent, name a key, or use --ask-password'),
  'not-root': row('the user is not root', 'use --sudo, or connect as root'),
  'sudo-password': row('sudo asks for a password', 'use --ask-sudo-password'),
  'sudo-refused': row('sudo does not let this user be root', 'check its sudoers file'),
  'sudo-tty': row('sudo wants a terminal', 'remove "requiretty" for this user, or connect as root'),
  'sudo-missing': row('sudo is not installed', 'install it there, or connect as root'),
  shell: row('no usable shell', 'the user needs a shell that runs /bin/sh'),
  'same-machine': row('another entry is this same machine', 'name each machine once'),

  // --- what the host is
  unsupported: row('this kind of machine is not supported', 'see docs/install.md'),
  'open-folder': row(
    'others than root may write to a folder that is to hold the agent',
    'take that from them (chmod go-w, chown root)',
  ),
  'no-runtime': row('no Node that the agent can use', 'install Node 24 or newer on it'),
  'no-build': row('the agent for it cannot be made on this machine', 'see the reason'),
  'no-space': row('too little space', 'make room, then run this again'),
  'no-service-manager': row('neither systemd nor OpenRC is here', 'use --service none'),
  'controller-unreachable': row(
    'the host cannot reach the controller',
    'check firewalls and names there, "muster serve --url", or use --proxy',
    true,
  ),
  'other-fleet': row('it is an agent of another fleet', 'run "muster-agent leave" there first'),
  'other-agent': row('an agent that was not installed by Muster is here', 'stop and remove it first'),
  'being-removed': row(
    'somebody began to remove its agent',
    'run /opt/muster-agent/bin/uninstall there, then this again',
    true,
  ),
  newer: row('a newer agent is here', 'upgrade this program instead'),
  locked: row('another install is at work on it', 'wait for that one', true),

  // --- on the way
  'disk-full': row('the disk is full', 'make room, then run this again'),
  'copy-damaged': row('what arrived is not what was sent', 'run this again', true),
  step: row('a step failed', 'see its report'),
  cut: row('the connection broke', 'run this again', true),
  silent: row('the host stopped answering', 'run this again', true),
  'name-taken': row('the name is taken', 'remove that agent, or use --replace'),
  'agent-removed': row(
    'its keys were removed from the fleet',
    'run "muster-agent leave" there, then this again',
  ),
  refused: row('the controller refused', 'see the reason'),
  'not-online': row(
    'the agent did not come online',
    'see its log on the host: journalctl -u muster-agent',
    true,
  ),
  'no-pong': row('the agent is online, but its first job did not succeed', 'see "muster jobs"', true),
  stopped: row('not finished: stopped by you', 'run this again', true),
  defect: row('this is a defect of muster', 'please report it'),
} as const satisfies Record<string, CauseRow>;

export type Cause = keyof typeof CAUSES;

/** What stands between a cause's sentence and its detail: `permission denied (publickey)`, `no connection: port 22: refused`. */
export const joinOf = (detail: string): string => (detail.startsWith('(') ? ' ' : ': ');

/** One host's failure. */
export class HostFailure extends Error {
  readonly because: Cause;
  readonly detail: string;

  constructor(because: Cause, detail = '', options?: ErrorOptions) {
    super(CAUSES[because].sentence + (detail && joinOf(detail) + detail), options);
    this.name = 'HostFailure';
    this.because = because;
    this.detail = detail;
  }
}
