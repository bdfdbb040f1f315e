import { LAYOUT, MARK } from './layout.ts';
import { quoted } from './quote.ts';

/**
 * The service's environment: read by systemd, and by a shell for OpenRC and `supervise`. A value stands in double quotes, in which both
 * take a backslash before `"`, `\`, `$` and a backquote for the character itself.
 */
export type Settings = Readonly<Record<string, string>>;

/** The agent's way to its controller. */
export const PROXY_SETTING = 'MUSTER_AGENT_PROXY';

const HEAD = `# The environment of muster-agent.service. ${MARK}; lines of your own stay as they are.
# "muster-agent run --help" lists the variables; restart the service after a change.
`;

/** An administrator's lines stay; those that set one of these variables are replaced, and what is missing comes at the end. */
export function settingsWith(text: string | undefined, settings: Settings): string {
  const names = Object.keys(settings);
  const isOurs = (line: string): boolean => names.some((name) => line.trim().startsWith(`${name}=`));
  const kept = (text ?? HEAD)
    .replace(/\n?$/, '\n')
    .split('\n')
    .slice(0, -1)
    .filter((line) => !isOurs(line));
  const lines = Object.entries(settings).map(([name, value]) => `${name}="${escaped(name, value)}"`);
  return [...kept, ...lines, ''].join('\n');
}

function escaped(name: string, value: string): string {
  if (!/^[\x20-\x7e]*$/.test(value))
    throw new Error(`${name} has characters that a settings file cannot hold`);
  return value.replace(/["\\$`]/g, '\\$&');
}

/** Writes the file as it is now, or nothing; the status tells a missing one. */
export const readSettingsText = (file: string): string => `[ -e ${quoted(file)} ] || exit 4
head -c 65536 ${quoted(file)}
`;
export const NO_SETTINGS = 4;

export const settingsFile = (hasSysconfig: boolean, layout = LAYOUT): string =>
  hasSysconfig ? layout.settings.redhat : layout.settings.debian;
