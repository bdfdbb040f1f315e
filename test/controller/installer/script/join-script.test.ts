import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import type { Form, Packing } from '../../../../controller/installer/build.ts';
import {
  type JoinScript,
  joinScript,
  type PublicBuild,
} from '../../../../controller/installer/script/join-script.ts';
import { requires } from '../../../support/requires.ts';
import { testAuthorities } from '../../cli/fake-api.ts';

const digest = (n: number): string => n.toString(16).padStart(2, '0').repeat(64);

function build(form: Form, arch: 'x64' | 'arm64' | undefined, packing: Packing, n: number): PublicBuild {
  return {
    build: { version: '1.2.3', form, arch, sha512: digest(n), length: 5 },
    packing,
    sha512: digest(n + 100),
  };
}
const BUILDS = [
  build('bundle', undefined, 'zstd', 1),
  build('bundle', undefined, 'gzip', 1),
  build('executable', 'x64', 'zstd', 2),
  build('executable', 'arm64', 'xz', 3),
];

const SCRIPT: JoinScript = {
  ...{
    token: 'a-token.made_of-these',
    expiresAtMs: 0,
    name: undefined,
    isManual: false,
    fleetId: 'ab'.repeat(16),
  },
  ...{
    urls: ['https://muster.example:7443'],
    ca: undefined,
    service: 'auto',
    proxy: undefined,
    builds: BUILDS,
  },
};
const HOSTILE = `'"$(touch /tmp/muster-was-here)\`touch /tmp/muster-was-here\`\\$IFS`;

async function variants(): Promise<JoinScript[]> {
  const { own } = await testAuthorities();
  return [
    ...(['auto', 'systemd', 'openrc', 'none'] as const).map((service) => ({ ...SCRIPT, service })),
    { ...SCRIPT, ca: own.certPem, isManual: true, name: 'web-1', proxy: 'http://user:pass@proxy:3128' },
    { ...SCRIPT, name: HOSTILE, proxy: `http://${HOSTILE}`, token: HOSTILE },
    { ...SCRIPT, builds: BUILDS.slice(0, 1), urls: ['https://a:1', 'wss://[::1]:2/x'] },
  ];
}

for (const shell of ['dash', 'bash', 'busybox'] as const)
  test(`every script is one that ${shell} understands`, requires(shell), async () => {
    for (const script of await variants()) {
      const words = [...(shell === 'busybox' ? ['sh'] : []), '-n'];
      const { status, stderr } = spawnSync(shell, words, { input: joinScript(script), encoding: 'utf8' });
      assert.deepEqual([status, stderr], [0, '']);
    }
  });

test('the token stands in the script once, and goes to the agent by no command line', () => {
  const lines = joinScript(SCRIPT).split('\n');
  assert.deepEqual(
    lines.filter((line) => line.includes(SCRIPT.token)),
    [`token='${SCRIPT.token}'`],
  );
  assert.deepEqual(
    lines.filter((line) => line.includes('$token')),
    [
      `  printf '%s\\n' "$token" | /opt/muster-agent/bin/muster-agent join --token-file - --home /var/lib/muster-agent`,
    ],
  );
});

test('nothing that comes from elsewhere is carried out', async () => {
  for (const script of await variants()) {
    const text = joinScript(script);
    assert.doesNotMatch(text, /\beval\b/);
    // What was given stands in single quotes, or in a here-document that is taken as it is.
    assert.doesNotMatch(text, /<<\s*[A-Z]/);
  }
});

test('what a controller says of itself is no command of its script', () => {
  const text = joinScript({
    ...SCRIPT,
    urls: ['https://muster.example:7443/\nreboot\n'],
    fleetId: '*) reboot ;;\nreboot\n',
    name: "x'; reboot; '",
    token: '$(reboot)\nreboot',
  });
  const { stdout, status } = spawnSync('sh', ['-n'], { input: text, encoding: 'utf8' });
  assert.deepEqual([status, stdout], [0, '']);
  // A shell that knows no other command than this one.
  const only = `reboot() { echo REBOOT >&2; }\nmktemp() { exit 9; }\nid() { echo 0; }\nsed() { :; }\ngrep() { :; }\nreadlink() { :; }\n${text}`;
  const ran = spawnSync('/bin/sh', ['-s', 'prepare'], {
    input: only,
    encoding: 'utf8',
    env: { PATH: '/nowhere' },
  });
  assert.doesNotMatch(ran.stderr, /REBOOT/);
});

test('a machine of its kind gets the best that it can unpack, and no other', () => {
  const text = joinScript(SCRIPT);
  const chosen = [...text.matchAll(/^ *'(\w+ \w+)'\) build=([0-9a-f]+) place=(\w+) /gm)].map((found) =>
    found.slice(1),
  );
  assert.deepEqual(chosen, [
    ['bundle zstd', digest(101), 'place_bundle'],
    ['bundle gzip', digest(101), 'place_bundle'],
    ['x64 zstd', digest(102), 'place_executable_x64'],
    ['arm64 xz', digest(103), 'place_executable_arm64'],
  ]);
  assert.match(text, /for packing in zstd xz gzip; do/);
});
