import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readHosts } from '../../../../controller/installer/inventory/read-hosts.ts';
import { readClientConfig, settingsFor } from '../../../../controller/installer/ssh/client-config.ts';
import { judgeHostKey, readKnownHosts } from '../../../../controller/installer/ssh/known-hosts.ts';
import { LIMITS } from '../../../../proto/limits.ts';
import { nameProblem } from '../../../../proto/name.ts';
import { fraction } from '../../../../proto/random.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

/** Texts that are nearly right: pieces of what the readers know, in any order. */
const PIECES = [
  ...[
    '[web]',
    '[web:vars]',
    '[web:children]',
    '[',
    ']',
    'web-1',
    'web[01:03]',
    'web[0:999999999]',
    '::1',
    '[::1]:22',
    ':22',
    '@',
    'root@',
  ],
  ...[
    'ansible_host=',
    'ansible_user=',
    'ansible_port=22',
    'ansible_ssh_common_args="-J x"',
    '{{ x }}',
    '10.0.0.1',
    '=',
    ' = ',
    '#',
    ';',
  ],
  ...[
    '"',
    "'",
    '\\',
    '\t',
    '  ',
    '\n',
    '\r\n',
    '\n  ',
    '\n- ',
    ':',
    ': ',
    '{',
    '}',
    ',',
    '&a ',
    '*a',
    '!vault ',
    '<<',
    '---',
    'hosts:',
    'all:',
    'children:',
    'vars:',
    'defaults:',
  ],
  ...[
    '../../etc',
    '$(id)',
    '\u202e',
    '__proto__',
    '\u0000',
    '\u001b[2J',
    '-oProxyCommand=x',
    'ä',
    '\ud800',
    'Host ',
    'Match ',
    'exec ',
    'final ',
    'Include ',
    'ProxyJump ',
    '%h',
    '|1|',
    'ssh-ed25519 ',
    '@revoked ',
    'AAAA',
  ],
];

function* texts(count: number): Generator<string> {
  const random = seededRandom('garbage');
  for (let n = 0; n < count; n++)
    yield Array.from(
      { length: 1 + Math.floor(fraction(random) * 40) },
      () => PIECES[Math.floor(fraction(random) * PIECES.length)],
    ).join('');
}

test('whatever stands in a list of hosts, it is entries that are safe or problems that are safe to show', () => {
  let entriesSeen = 0;
  for (const text of texts(4000))
    for (const path of ['hosts.txt', 'hosts.ini', 'hosts.yml']) {
      const { entries, problems, notes } = readHosts([{ kind: 'file', path, text }]);
      for (const sentence of [...problems.map(({ from, message }) => `${from}: ${message}`), ...notes])
        assert.match(sentence, /^[ -~…]+$/, JSON.stringify(text));
      assert.ok(entries.length > 0 || problems.length > 0, JSON.stringify(text));
      assert.ok(entries.length <= 20_000);
      entriesSeen += entries.length;
      for (const { written, name, host, user, port, proxyJump } of entries) {
        assert.match(host, /^(?![-.])[\w.:%-]+$/, JSON.stringify(text));
        assert.match(written, /^(?!-)[\w.:%@[\]/+\\$-]+$/);
        if (name !== undefined) assert.equal(nameProblem(name), undefined);
        if (user !== undefined) assert.match(user, /^\w/);
        if (port !== undefined) assert.ok(port > 0 && port < 65_536);
        for (const jump of proxyJump ?? []) assert.match(jump, /^(?!-)/);
      }
    }
  assert.ok(entriesSeen > 1000);
});

test('whatever stands in ssh_config and known_hosts, it is read', async () => {
  for (const text of texts(2000)) {
    const config = await readClientConfig(
      { user: { path: 'c', text }, system: undefined },
      '/root',
      async () => [],
    );
    settingsFor(config, { host: 'web-1', user: undefined, localUser: 'root' });
    const known = readKnownHosts([{ path: 'k', text }]);
    assert.equal(judgeHostKey(known, { host: 'web-1', port: 22 }, new Uint8Array(51)).is, 'unknown');
  }
});

test('labels and groups have their bounds', () => {
  const groups = Array.from({ length: LIMITS.labelsPerAgent + 1 }, (_, n) => `[g${n}]\nweb-1\n`).join('');
  const { problems } = readHosts([{ kind: 'file', path: 'h.ini', text: groups }]);
  assert.match(problems.map(({ message }) => message).join(), /more than 64/);
});
