import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HostFailure } from '../../../../controller/installer/failure.ts';
import type { HostEntry } from '../../../../controller/installer/host.ts';
import { type ConfigFile, readClientConfig } from '../../../../controller/installer/ssh/client-config.ts';
import {
  destinationOf,
  type Flags,
  type Operator,
} from '../../../../controller/installer/ssh/destination.ts';

const OPERATOR: Operator = {
  user: 'anna',
  home: '/home/anna',
  variable: (name) => ({ SOCK: '/run/agent.sock' })[name],
};

const entry = (host: string, more: Partial<HostEntry> = {}): HostEntry => ({
  ...{ written: host, name: host, host, port: undefined, user: undefined, identityFiles: [] },
  ...{ proxyJump: undefined, labels: {}, sudo: undefined, from: 'argument 1' },
  ...more,
});

async function configOf(text: string, more: Record<string, string> = {}) {
  const user: ConfigFile = { path: '~/.ssh/config', text };
  const system = more.system === undefined ? undefined : { path: '/etc/ssh/ssh_config', text: more.system };
  return readClientConfig({ user, system }, OPERATOR.home, async (pattern) =>
    Object.entries(more).flatMap(([path, text]) => (path === pattern ? [{ path, text }] : [])),
  );
}

const reach = async (host: HostEntry | string, text: string, flags: Flags = {}, more = {}) =>
  destinationOf(typeof host === 'string' ? entry(host) : host, await configOf(text, more), OPERATOR, flags);

test('without any settings a host is reached as ssh would', async () => {
  assert.deepEqual(await reach('web-1', ''), {
    name: 'web-1',
    ...{ host: 'web-1', port: 22, user: 'anna', identitiesOnly: false, identityAgent: undefined },
    identityFiles: ['id_ed25519', 'id_ecdsa', 'id_rsa'].map((name) => `/home/anna/.ssh/${name}`),
    ...{
      hostKeyAlias: undefined,
      strictHostKeys: false,
      hashKnownHosts: false,
      connectTimeoutMs: undefined,
      jumps: [],
    },
    userKnownHostsFiles: ['/home/anna/.ssh/known_hosts', '/home/anna/.ssh/known_hosts2'],
    globalKnownHostsFiles: ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'],
  });
});

test('the entry counts more than the command, the command more than ssh_config', async () => {
  const text = 'Host *\n User config\n Port 2200\n IdentityFile ~/.ssh/config';
  const one = await reach('web-1', text);
  assert.deepEqual([one.user, one.port, one.identityFiles], ['config', 2200, ['/home/anna/.ssh/config']]);
  const two = await reach('web-1', text, { user: 'flag', port: 2201, identityFiles: ['~/flag'] });
  assert.deepEqual([two.user, two.port], ['flag', 2201]);
  assert.deepEqual(two.identityFiles, ['/home/anna/flag', '/home/anna/.ssh/config']);
  const own = entry('web-1', { user: 'own', port: 2202, identityFiles: ['own'] });
  const three = await reach(own, text, { user: 'flag', port: 2201, identityFiles: ['~/flag'] });
  assert.deepEqual([three.user, three.port, three.identityFiles[0]], ['own', 2202, 'own']);
});

const TABLE: [string, string, string, Record<string, unknown>][] = [
  ['an alias', 'Host web\n HostName 10.0.0.7', 'web', { name: 'web', host: '10.0.0.7' }],
  ['%h in HostName', 'Host web-*\n HostName %h.example.com', 'web-1', { host: 'web-1.example.com' }],
  [
    'keywords in any case, with =',
    'host web\n\thostname=10.0.0.7\n PORT = 2222',
    'web',
    { host: '10.0.0.7', port: 2222 },
  ],
  ['the first value counts', 'Host web\n User a\nHost *\n User b\n User c', 'web', { user: 'a' }],
  ['a negated pattern', 'Host * !web\n User a\nHost web\n User b', 'web', { user: 'b' }],
  [
    'a quoted path with a space',
    'IdentityFile "~/my keys/id"',
    'web',
    { identityFiles: ['/home/anna/my keys/id'] },
  ],
  [
    'a comment behind a value',
    'User a # me\nIdentityFile ~/k#1',
    'web',
    { user: 'a', identityFiles: ['/home/anna/k#1'] },
  ],
  [
    'several keys',
    'IdentityFile ~/a\nHost web\n IdentityFile ~/b',
    'web',
    { identityFiles: ['/home/anna/a', '/home/anna/b'] },
  ],
  [
    'tokens in a path',
    'User bob\nIdentityFile %d/%u/%r/%h',
    'web',
    { identityFiles: ['/home/anna/anna/bob/web'] },
  ],
  ['no keys at all', 'IdentityFile none', 'web', { identityFiles: [] }],
  ['an agent of its own', 'IdentityAgent ~/a.sock', 'web', { identityAgent: '/home/anna/a.sock' }],
  ['an agent of the environment', 'IdentityAgent $SOCK', 'web', { identityAgent: '/run/agent.sock' }],
  [
    'no agent',
    'IdentityAgent none\nIdentitiesOnly yes',
    'web',
    { identityAgent: 'none', identitiesOnly: true },
  ],
  [
    'files of known hosts',
    'UserKnownHostsFile ~/a "/b c"\nGlobalKnownHostsFile none',
    'web',
    { userKnownHostsFiles: ['/home/anna/a', '/b c'], globalKnownHostsFiles: [] },
  ],
  ['strictness', 'StrictHostKeyChecking yes', 'web', { strictHostKeys: true }],
  ['never less strict', 'StrictHostKeyChecking no', 'web', { strictHostKeys: false }],
  ['a patience', 'ConnectTimeout 7', 'web', { connectTimeoutMs: 7000 }],
  ['an alias for the key', 'HostKeyAlias farm', 'web', { hostKeyAlias: 'farm' }],
  [
    'Match by host and user',
    'Host web\n HostName w.example\nMatch host w.example user root\n Port 9\nMatch host w.example\n Port 8',
    'web',
    { port: 8 },
  ],
  [
    'Match by what was asked for',
    'Host web\n HostName w.example\nMatch originalhost web localuser anna\n Port 9',
    'web',
    { port: 9 },
  ],
  ['Match all', 'Match all\n Port 9', 'web', { port: 9 }],
  ['Match by what only JavaScript knows', 'Match constructor\n Port 9\n__proto__ x\n', 'web', { port: 22 }],
  [
    'Match exec never holds',
    'Match exec "touch /tmp/x"\n Port 9\nMatch !exec true\n Port 8',
    'web',
    { port: 22 },
  ],
];
describe('ssh_config', () => {
  for (const [sentence, text, host, expected] of TABLE)
    test(sentence, async () => {
      const found: Record<string, unknown> = { ...(await reach(host, text)) };
      for (const [key, value] of Object.entries(expected)) assert.deepEqual(found[key], value, key);
    });
});

test('ProxyJump or the ProxyCommand that is a jump, whichever comes first', async () => {
  const CASES: [string, string[]][] = [
    ['ProxyCommand ssh -W %h:%p -q root@b1', ['root@b1']],
    ['ProxyCommand none\nProxyJump b1', []],
    ['ProxyJump none\nProxyCommand nc %h %p', []],
    ['ProxyJump b1\nProxyCommand nc %h %p', ['anna@b1']],
  ];
  for (const [text, expected] of CASES)
    assert.deepEqual(
      (await reach('web', `Host web\n${text}`)).jumps.map(({ user, host }) => `${user}@${host}`),
      expected,
    );
});

test('jumps are looked up themselves, the first of them with jumps of its own', async () => {
  const text = `
Host inner
  ProxyJump root@middle:2222,last
Host middle
  HostName 10.0.0.2
  ProxyJump outer
Host last
  ProxyJump never
  User bob
`;
  const { jumps } = await reach('inner', text, { user: 'flag', identityFiles: ['~/flag'] });
  assert.deepEqual(
    jumps.map(({ host, port, user }) => `${user}@${host}:${port}`),
    ['anna@outer:22', 'root@10.0.0.2:2222', 'bob@last:22'],
  );
  assert.ok(jumps.every(({ identityFiles }) => !identityFiles.includes('/home/anna/flag')));
  const none = await reach(entry('inner', { proxyJump: [] }), text);
  assert.deepEqual(none.jumps, []);
  const own = await reach(entry('inner', { proxyJump: ['last'] }), 'Host inner\n ProxyJump x');
  assert.deepEqual(
    own.jumps.map(({ host }) => host),
    ['last'],
  );
});

const REFUSED: [string, string, string | HostEntry, RegExp][] = [
  [
    'a command',
    'Host web\n ProxyCommand nc %h %p',
    'web',
    /~\/\.ssh\/config:2: a ProxyCommand is not started here/,
  ],
  ['jumps in a circle', 'Host a\n ProxyJump b\nHost b\n ProxyJump a', 'a', /circle: "a", "b", "a"/],
  ['a host through itself', 'Host *\n ProxyJump a', 'a', /circle: "a", "a"/],
  ['a token that is not known', 'IdentityFile %Z', 'web', /config:1: "%Z" is not known here/],
  ['a variable that is not there', `IdentityFile $\{NOPE}/x`, 'web', /the environment has no NOPE/],
  [
    'a host that is none',
    'HostName -oProxyCommand=x',
    'web',
    /config:1: "-oProxyCommand=x" cannot be a host/,
  ],
  ['a port that is none', 'Port ssh', 'web', /config:1: "ssh" is no port/],
];
for (const [sentence, text, host, expected] of REFUSED)
  test(`refused with its line: ${sentence}`, async () => {
    await assert.rejects(reach(host, text), (error) => {
      assert.ok(error instanceof HostFailure);
      assert.match(error.message, expected);
      return true;
    });
  });

test('what is passed over in ssh_config is told, with its place', async () => {
  const more = {
    system: 'Include extra/*.conf\nMatch exec "true"\n',
    '/etc/ssh/extra/*.conf': 'Host x\nAddressFamily inet6\nCanonicalizeHostname no\n',
  };
  const { notes } = await configOf(
    'Host\nUser "a\n  "x\nMatch tagged y\n CertificateFile ~/c\nUseKeychain yes\n',
    more,
  );
  assert.deepEqual(notes, [
    '~/.ssh/config:1: not taken: "Host" has no value',
    '~/.ssh/config:2: not taken: a quote does not end',
    '~/.ssh/config:3: not taken: expected a keyword and its value',
    '~/.ssh/config:4: this block is passed over: the criterion "tagged" is not known here',
    '~/.ssh/config:5: "certificatefile" is not done here',
    '/etc/ssh/extra/*.conf:2: "addressfamily" is not done here',
    '/etc/ssh/ssh_config:2: this block is passed over: "Match exec" would start a program',
  ]);
});

test('includes are read where they stand, from the folder of their file, and not for ever', async () => {
  const text = 'Host web\n Include a b/*\nHost *\n Port 3\nInclude loop';
  const more = {
    '/home/anna/.ssh/a': 'User a\nHost db\n User b\n',
    '/home/anna/.ssh/b/*': 'Host *\n Port 2\n',
    '/home/anna/.ssh/loop': 'Include loop\n',
  };
  const web = await reach('web', text, {}, more);
  assert.deepEqual([web.user, web.port], ['a', 2]);
  const db = await reach('db', text, {}, more);
  assert.deepEqual([db.user, db.port], ['anna', 3]);
  assert.match(
    (await configOf(text, more)).notes.join(),
    /loop:1: not taken: includes are nested more than 16 deep/,
  );
  const many = await configOf('Include wide', { '/home/anna/.ssh/wide': 'Include wide wide wide' });
  assert.equal(many.notes.filter((note) => note.includes('more than 1000 files')).length, 1);
});
