import { encodeSlotRelease } from '../../../proto/slots.ts';

/** What a Debian host that has nothing of Muster says of itself, line by line; `changes` replace lines or, undefined, take them out. */
const DEBIAN: Readonly<Record<string, string>> = {
  clock: '1800000000',
  uid: '0',
  kernel: 'Linux 6.1.0-18-amd64',
  arch: 'x86_64',
  hostname: 'web-1',
  'os.ID': 'debian',
  'os.VERSION_ID': '"12"',
  'os.PRETTY_NAME': '"Debian GNU/Linux 12 (bookworm)"',
  glibc: 'glibc 2.36',
  loader: '/lib64/ld-linux-x86-64.so.2',
  libstdcxx: '/usr/lib/x86_64-linux-gnu',
  pid1: 'systemd',
  systemd: 'yes',
  'room.program': '20000000 / rw,relatime',
  'room.home': '20000000 / rw,relatime',
  'room.tmp': '1000000 /tmp rw,nosuid,nodev,noexec',
  slot: '',
  'release.a': '',
  'release.b': '',
  'home.fleet': '',
  'home.agent': '',
  'home.name': '',
  'reach.0': 'yes',
};
const TOOLS = ['xz', 'gzip', 'sha512sum', 'systemctl', 'journalctl', 'setsid'];

/** `more` are lines that may be there many times. */
export function probeAnswer(
  changes: Readonly<Record<string, string | undefined>> = {},
  more: readonly string[] = TOOLS.map((tool) => `tool=${tool}`),
): string {
  const lines = Object.entries({ ...DEBIAN, ...changes }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  return `${[...lines, ...more].join('\n')}\nend=\n`;
}

export const TOOL_LINES: readonly string[] = TOOLS.map((tool) => `tool=${tool}`);

export const SHA512 = 'ab'.repeat(64);

/** The line of a slot with a build. */
export const releaseLine = (
  version: string,
  sha512 = SHA512,
  form: 'bundle' | 'executable' = 'bundle',
): string =>
  encodeSlotRelease({
    ...{ version, form, sha512, length: 700_000 },
    arch: form === 'bundle' ? undefined : 'x64',
  }).trim();
