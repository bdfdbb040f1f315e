import { existsSync, realpathSync } from 'node:fs';
import { INSTALLED, whyNotInstalled } from './installed.ts';

export interface Installation {
  /** Why this agent cannot remove itself from its host, or undefined. */
  readonly problem: string | undefined;
  /** A removal of it has begun, and was not finished. */
  readonly isBeingRemoved: boolean;
}

/** How the agent of this process and this home is installed. */
export function installationOf(home: string): Installation {
  const problem = whyNotInstalled({
    files: [process.execPath, process.argv[1] ?? ''].map(withoutLinks),
    home,
    uid: process.getuid?.() ?? -1,
    hasUninstaller: existsSync(INSTALLED.uninstaller),
  });
  return { problem, isBeingRemoved: problem === undefined && existsSync(INSTALLED.removing) };
}

export const hasSystemd = (): boolean => existsSync('/run/systemd/system');

function withoutLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
