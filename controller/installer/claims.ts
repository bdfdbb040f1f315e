/** What a host says it is, and what it may have by that: its owner may be anybody, and only the connection is known to lead to it. */
import { HostFailure } from './failure.ts';
import type { HostEntry } from './host.ts';
import type { Probe } from './remote/probe-answer.ts';
import type { HostResult, InstallPorts, Registered } from './work.ts';

/** Before anything is done to an agent that a host says it is. Throws HostFailure('refused') where that is another machine's. */
export async function checkMachine(
  registrar: InstallPorts['registrar'],
  agent: Registered,
  bootId: string | undefined,
): Promise<void> {
  if (bootId === undefined) throw new HostFailure('refused', 'it does not say which machine it is');
  if (await registrar.isElsewhere(agent, bootId))
    throw new HostFailure('refused', `it says that it is ${agent.name}, which runs on another machine`);
}

/** Told before anything is copied; whoever takes the name meanwhile is told by the registration. */
export async function checkName(
  { registrar, settings }: InstallPorts,
  entry: HostEntry,
  { home }: Probe,
  name: string,
): Promise<void> {
  if (mayReplace(settings, entry, name)) return;
  const holder = await registrar.holder(name);
  if (holder === undefined || holder === home?.agent) return;
  const why = settings.replace
    ? 'so the host calls itself, and --replace is for names that you give it: in a list, or as a Host of ssh_config'
    : 'another agent has it';
  throw new HostFailure('name-taken', `${name}; ${why}`);
}

/** Whoever takes a name gets what is meant for it: which one is the operator's to say, and never the host's. */
export const mayReplace = (
  { replace }: InstallPorts['settings'],
  entry: Pick<HostEntry, 'name'>,
  name: string,
): boolean => replace && entry.name === name;

/** Those of the wanted that are not there, or with another value. */
export const missing = (wanted: HostResult['labels'], has: HostResult['labels']): HostResult['labels'] =>
  Object.fromEntries(Object.entries(wanted).filter(([key, value]) => has[key] !== value));
