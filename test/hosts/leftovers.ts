/** What is on a host now. */
export async function filesOf(host: {
  run(argv: readonly string[]): Promise<string>;
}): Promise<ReadonlySet<string>> {
  const found = await host.run([
    'sh',
    '-c',
    'find / -xdev ! -path "/tmp/*" ! -path "/proc/*"; ls -d /run/*muster*; true',
  ]);
  return new Set(found.split('\n').filter((path) => !GROWING.test(path)));
}

/** Of the machine itself, whoever installs what. */
const GROWING = /^\/var\/(?:log\/journal|lib\/systemd|cache|tmp)\//;

/** `+path` for what is there besides, `-path` for what is gone. */
export function difference(before: ReadonlySet<string>, after: ReadonlySet<string>): string[] {
  return [
    ...[...after].filter((path) => !before.has(path)).map((path) => `+${path}`),
    ...[...before].filter((path) => !after.has(path)).map((path) => `-${path}`),
  ].sort();
}
