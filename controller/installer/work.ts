import type { Clock } from '../../proto/clock.ts';
import type { Labels, RegisterBody, RegisterReply, TrustReply } from '../api/contract.ts';
import type { Builds, Form } from './build.ts';
import type { HostEntry } from './host.ts';
import type { Connection } from './shell.ts';

/**
 * One host's part of an install, between the crowd (engine.ts) that gives it out and install.ts that carries it out:
 * `installHost(entry, ports, work)` resolves with what it did, or throws a HostFailure.
 */

/** In the order in which a host goes through them; those that have nothing to do are not told. */
export const STEPS = [
  'connect',
  'lock',
  'probe',
  'place',
  'init',
  'register',
  'service',
  'online',
  'ping',
  // Of an uninstall, after `probe`.
  'remove',
  'undo',
] as const;
export type Step = (typeof STEPS)[number];

export type ServiceChoice = 'auto' | 'systemd' | 'openrc' | 'none';

/** What the command line says for all hosts alike. */
export interface InstallSettings {
  readonly service: ServiceChoice;
  /** Of the agent, on its way to the controller: `http://[user:password@]host:port`. */
  readonly proxy: string | undefined;
  /** Take the name over from the agent that has it. */
  readonly replace: boolean;
  /** Connect, probe, say what would be done; change nothing. */
  readonly check: boolean;
}

/** The controller, as an install needs it. */
export interface Registrar {
  /** Throws HostFailure: name-taken, refused; agent-removed for keys that it refuses for ever. */
  register(body: RegisterBody): Promise<RegisterReply>;
  /** The id of the agent that has this name. Throws HostFailure: refused. */
  holder(name: string): Promise<string | undefined>;
  /** Of an agent that it lets in; undefined: it does not, or knows none by this id and name. Throws HostFailure: refused. */
  labelsOf(agent: Registered): Promise<Labels | undefined>;
  /**
   * Whether the agent runs on another machine than the one that booted as this: which agent is on a host it says itself, and it may
   * name anybody's. Not known of one that is offline. Throws HostFailure: refused.
   */
  isElsewhere(agent: Registered, bootId: string): Promise<boolean>;
  /** Sets these, and leaves others as they are. Throws HostFailure: refused. */
  label(agent: Registered, labels: Labels): Promise<void>;
  /** Takes a registration back; that there is none is no failure. Throws HostFailure: refused. */
  remove(agent: Registered): Promise<void>;
  /** Resolves once the agent is online with this version. Throws HostFailure: not-online, refused, stopped. */
  online(agent: Registered, version: string, signal: AbortSignal): Promise<void>;
  /** Resolves once the agent has carried out a first job. Throws HostFailure: no-pong, refused, stopped. */
  ping(agent: Registered, signal: AbortSignal): Promise<void>;
}

export interface Registered {
  readonly id: string;
  readonly name: string;
}

/** The same for all hosts. */
export interface InstallPorts {
  readonly settings: InstallSettings;
  readonly trust: TrustReply;
  readonly builds: Builds;
  readonly registrar: Registrar;
  readonly clock: Clock;
  /** Whoever finds a host locked is told: `alice@admin-1`. */
  readonly by: string;
  /** Throws HostFailure: all that keeps a connection from being made, host keys and passwords among it. */
  connect(entry: HostEntry, signal: AbortSignal): Promise<Connection>;
}

/** This host's. */
export interface HostWork {
  /** Aborted: nothing further is begun, what was done is undone, and HostFailure('stopped') thrown. */
  readonly stop: AbortSignal;
  /** For the display; cheap, and at most some ten times a second for bytes. */
  tell(event: HostEvent): void;
  /**
   * Says which machine this is (what no two machines have in common, such as its boot id), before anything is changed there. Returns
   * what the entry is called that has this machine already.
   */
  claim(machine: string): string | undefined;
}

export type HostEvent =
  | { readonly what: 'step'; readonly step: Step }
  /** Of what is being sent: bytes taken by the connection so far, and in all. */
  | { readonly what: 'sent'; readonly bytes: number; readonly of: number }
  /** Worth knowing, and no reason to stop: a clock that is wrong, what an undo could not remove. */
  | { readonly what: 'warning'; readonly text: string };

export const DIDS = ['installed', 'upgraded', 'repaired', 'unchanged', 'removed', 'absent'] as const;
export type Did = (typeof DIDS)[number];

/** What was done; under `check`, what would be. */
export interface HostResult {
  /** `unchanged`: this version was there, online, under this name. An uninstall: `removed`, or `absent` where nothing was. */
  readonly did: Did;
  readonly name: string;
  /** Undefined: not registered yet, under `check`. */
  readonly agentId: string | undefined;
  readonly version: string;
  /** The version that was there. */
  readonly previous: string | undefined;
  /** Undefined: none is there. */
  readonly form: Form | undefined;
  /** Bytes of the build that went over the connection. */
  readonly sentBytes: number;
  /** Those that an agent which was there has from now on, and had not before. */
  readonly labels: Readonly<Record<string, string>>;
  /** Of the host key: `SHA256:…`. */
  readonly fingerprint: string;
  /** For the report: what the host said of itself, in words. */
  readonly machine: Readonly<Record<'os' | 'kernel' | 'arch' | 'libc' | 'init' | 'hostname', string>>;
  /** Under `check`: what would be done, a short sentence each. */
  readonly plan: readonly string[];
}
