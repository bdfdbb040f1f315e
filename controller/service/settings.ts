/**
 * The settings file of the service, as systemd's EnvironmentFile reads it. What an operator wrote into it stays: only the lines of
 * what is given anew are replaced.
 */

export type Variables = Readonly<Record<string, string>>;

const HEAD = `# Settings of the Muster controller, as variables of its environment: "muster serve --help" has all of them, each option also as
# MUSTER_SERVE_…. After a change: systemctl restart muster
`;

const LINE = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)$/;

/** The variables of a file; of a name that stands there twice the last counts, as with systemd. */
export function parseSettings(text: string): Variables {
  const variables: Record<string, string> = Object.create(null);
  for (const line of text.split('\n')) {
    const [, name, value] = LINE.exec(line) ?? [];
    if (name !== undefined && value !== undefined) variables[name] = unquoted(value.trim());
  }
  return variables;
}

/** `before`: what is there, undefined where nothing is. The values must hold no control characters. */
export function withSettings(before: string | undefined, given: Variables): string {
  const left = new Map(Object.entries(given));
  const lines = (before ?? HEAD).split('\n').flatMap((line) => {
    const name = LINE.exec(line)?.[1];
    if (name === undefined || !(name in given)) return [line];
    const value = left.get(name);
    // The first line is replaced, further ones would win over it.
    left.delete(name);
    return value === undefined ? [] : [`${name}=${quoted(value)}`];
  });
  while (lines.at(-1) === '') lines.pop();
  for (const [name, value] of left) lines.push(`${name}=${quoted(value)}`);
  return `${lines.join('\n')}\n`;
}

function quoted(value: string): string {
  return /^[A-Za-z0-9._:/,@%+[\]-]*$/.test(value) ? value : `"${value.replaceAll(/[\\"$`]/g, '\\$&')}"`;
}

function unquoted(text: string): string {
  if (/^'[^']*'$/.test(text)) return text.slice(1, -1);
  if (!/^".*"$/.test(text)) return text;
  return text.slice(1, -1).replaceAll(/\\([\\"$`])/g, '$1');
}
