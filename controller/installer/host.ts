/** A host to install on, as the command line, a list or an inventory names it, and as the operator's own ssh settings complete it. */

export interface HostEntry {
  /** As it was written: what the operator knows it by. Unique in one run; for messages, reports and `--limit`. */
  readonly written: string;
  /** What the agent is to be called; undefined: as the host calls itself. */
  readonly name: string | undefined;
  /** A name or address for ssh, still to be looked up in ssh_config. */
  readonly host: string;
  readonly port: number | undefined;
  readonly user: string | undefined;
  /** Files with private keys, to be tried before any other. */
  readonly identityFiles: readonly string[];
  /** `user@host:port`, in the order of the jumps. */
  readonly proxyJump: readonly string[] | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Undefined: as the command says. */
  readonly sudo: boolean | undefined;
  /** Where it was read, for messages: `hosts.ini:12`, or `argument 3`. */
  readonly from: string;
}

/** How a host is reached. Complete: nothing is looked up any more. Made by `ssh/destination.ts`. */
export interface Destination {
  /** As it was written, for what is told of it. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly identityFiles: readonly string[];
  /** Only the files above, not every key of an agent (IdentitiesOnly). */
  readonly identitiesOnly: boolean;
  /** The socket of an ssh-agent; `none`: no agent; undefined: SSH_AUTH_SOCK. */
  readonly identityAgent: string | undefined;
  /** HostKeyAlias: the one name under which its key is known, whatever the port. Undefined: as `knownNames` has it. */
  readonly hostKeyAlias: string | undefined;
  /** Where new keys are recorded: the first of these. */
  readonly userKnownHostsFiles: readonly string[];
  readonly globalKnownHostsFiles: readonly string[];
  /** StrictHostKeyChecking yes: the operator's settings forbid to take an unknown key, whatever the command says. */
  readonly strictHostKeys: boolean;
  /** HashKnownHosts: names of hosts are recorded hidden. */
  readonly hashKnownHosts: boolean;
  readonly connectTimeoutMs: number | undefined;
  /** Through these, one after the other; they have none of their own. */
  readonly jumps: readonly Destination[];
}
