/**
 * What of an agent's host makes it one that Muster installed, and can so remove again. The same paths as the installer's; a test
 * holds them equal.
 */
export const INSTALLED = {
  program: '/opt/muster-agent',
  uninstaller: '/opt/muster-agent/bin/uninstall',
  /** There once a removal has begun: whatever starts the agent then goes on with it. */
  removing: '/opt/muster-agent/removing',
  home: '/var/lib/muster-agent',
} as const;

/** This process, as its machine has it. */
export interface Self {
  /** The files that it was started from, without links: the program, and the script that it runs. */
  readonly files: readonly string[];
  readonly home: string;
  readonly uid: number;
  readonly hasUninstaller: boolean;
}

/** Why this agent cannot remove itself from its host, or undefined where it can. */
export function whyNotInstalled({ files, home, uid, hasUninstaller }: Self): string | undefined {
  const isOurs = files.some((file) => file.startsWith(`${INSTALLED.program}/`));
  if (!isOurs || !hasUninstaller)
    return `this agent was not installed by Muster: it does not run from ${INSTALLED.program}; remove it by hand, as docs/install.md says`;
  if (home !== INSTALLED.home)
    return `this agent's home is ${home}, and not ${INSTALLED.home} as Muster installs it; remove it by hand`;
  return uid === 0 ? undefined : 'this agent does not run as root, and cannot remove what root installed';
}
