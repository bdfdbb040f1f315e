import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { agentNameOf, readAddress } from '../../../../controller/installer/inventory/address.ts';

const GOOD: [string, string | undefined, string, number | undefined][] = [
  ['web-1', undefined, 'web-1', undefined],
  ['Web-1.Example.COM', undefined, 'Web-1.Example.COM', undefined],
  ['web-1.example.com.', undefined, 'web-1.example.com.', undefined],
  ['root@10.0.0.7:2222', 'root', '10.0.0.7', 2222],
  ['CORP\\anna@web-1', 'CORP\\anna', 'web-1', undefined],
  ['anna@corp.example@web-1', 'anna@corp.example', 'web-1', undefined],
  ['[::1]:22', undefined, '::1', 22],
  ['[fe80::1%eth0]', undefined, 'fe80::1%eth0', undefined],
  ['2001:db8::1', undefined, '2001:db8::1', undefined],
  ['root@::1', 'root', '::1', undefined],
  ['ssh://web-1', undefined, 'web-1', undefined],
  ['ssh://root@web-1:2222/', 'root', 'web-1', 2222],
  ['SSH://[::1]:22', undefined, '::1', 22],
  ['web_1', undefined, 'web_1', undefined],
];

for (const [text, user, host, port] of GOOD)
  test(`${text} is an address`, () => assert.deepEqual(readAddress(text), { address: { user, host, port } }));

describe('what cannot be an address is refused, whatever it would do elsewhere', () => {
  const bad = [
    ...['', ' ', '@web-1', 'root@', 'web-1:', 'web-1:0', 'web-1:65536', 'web-1:22x', 'web-1:-1'],
    ...['-oProxyCommand=touch /tmp/x', 'root@-oProxyCommand=x', '-l@web-1', '--', '-'],
    ...[
      '../../etc',
      '/etc/passwd',
      '$(id)',
      '`id`',
      'a;reboot',
      'a b',
      'a|b',
      'a&b',
      "a'b",
      'a"b',
      '*',
      'web-[1:3]',
    ],
    ...[
      '\u202egnp.exe',
      'wеb-1',
      'web\u0000',
      'web\n1',
      'web\u001b[2J',
      'a'.repeat(255),
      '__proto__',
      'constructor',
      'all',
    ],
    ...[
      'a..b',
      '.a',
      '10.0.0.256',
      '10.0.0.07',
      '1.2.3.4.',
      '::g',
      '[::1',
      '::1]',
      '[]:22',
      '[web-1]x',
      '1:2:3',
      'fe80::1%;id',
    ],
    ...['ssh://', 'ssh://root:secret@web-1', 'ssh://web-1/path', 'http://web-1', 'ssh://web-1?x'],
  ];
  for (const text of bad)
    test(JSON.stringify(text), () => {
      const read = readAddress(text);
      assert.ok('problem' in read, 'it was taken');
      assert.match(read.problem, /^[\x20-\x7e…]+$/, 'the sentence is safe to show');
      assert.doesNotMatch(read.problem, /secret/);
    });
});

test('an agent is called as its host is written, and as the host calls itself where that is an address', () => {
  assert.equal(agentNameOf('Web-1.example.com.'), 'web-1.example.com');
  for (const host of ['10.0.0.7', '::1', 'localhost', 'LOCALHOST'])
    assert.equal(agentNameOf(host), undefined);
});
