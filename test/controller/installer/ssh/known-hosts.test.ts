import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import {
  type Asked,
  authorityFor,
  fingerprintOf,
  judgeHostKey,
  knownAlgorithms,
  lineFor,
  readKnownHosts,
} from '../../../../controller/installer/ssh/known-hosts.ts';
import { fraction } from '../../../../proto/random.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { requires } from '../../../support/requires.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

/** A key's bytes as ssh has them: type and one made-up field. */
function keyOf(type: string, seed: string): Uint8Array {
  const field = (text: string): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(text.length);
    return Buffer.concat([length, Buffer.from(text)]);
  };
  return new Uint8Array(Buffer.concat([field(type), field(seed)]));
}
const A = keyOf('ssh-ed25519', 'a'.repeat(32));
const B = keyOf('ssh-ed25519', 'b'.repeat(32));
const RSA = keyOf('ssh-rsa', 'c'.repeat(64));
const line = (hosts: string, key: Uint8Array, marker = ''): string =>
  `${marker}${hosts} ${Buffer.from(key).subarray(4, 4 + (key[3] ?? 0))} ${Buffer.from(key).toString('base64')} comment\n`;
const read = (...lines: string[]) => readKnownHosts([{ path: 'known_hosts', text: lines.join('') }]);
const at = (host: string, port = 22, hostKeyAlias?: string): Asked => ({ host, port, hostKeyAlias });

const TABLE: [string, string[], Asked, Uint8Array, string][] = [
  ['the key of its line is known', [line('web-1', A)], at('web-1'), A, 'known'],
  ['upper case is the same host', [line('WEB-1', A)], at('Web-1'), A, 'known'],
  ['one of several names', [line('web-1,10.0.0.7', A)], at('10.0.0.7'), A, 'known'],
  ['nothing is known of another host', [line('web-1', A)], at('web-2'), A, 'unknown'],
  ['another key is a changed one', [line('web-1', A)], at('web-1'), B, 'changed known_hosts:1'],
  ['a key of another type as well', [line('web-1', RSA)], at('web-1'), A, 'changed known_hosts:1'],
  ['several keys of a host are all good', [line('web-1', RSA), line('web-1', A)], at('web-1'), A, 'known'],
  ['a good line after a bad one', [line('web-1', B), line('web-1', A)], at('web-1'), A, 'known'],
  ['a pattern', [line('*.example.com', A)], at('web.example.com'), A, 'known'],
  [
    'a pattern that is negated',
    [line('*.example.com,!web.example.com', A)],
    at('web.example.com'),
    B,
    'unknown',
  ],
  ['a question mark is one character', [line('web-?', A)], at('web-'), A, 'unknown'],
  ['a port of its own', [line('[web-1]:2222', A)], at('web-1', 2222), A, 'known'],
  ['the same name at another port', [line('[web-1]:2222', A)], at('web-1', 2223), A, 'unknown'],
  ['the bare name counts for a port', [line('web-1', A)], at('web-1', 2222), A, 'known'],
  ['but not against it', [line('web-1', A)], at('web-1', 2222), B, 'unknown'],
  [
    'the port counts more',
    [line('web-1', A), line('[web-1]:2222', B)],
    at('web-1', 2222),
    A,
    'changed known_hosts:2',
  ],
  ['an IPv6 address', [line('::1', A)], at('::1'), A, 'known'],
  ['an alias, whatever the port', [line('alias', A)], at('web-1', 2222, 'alias'), A, 'known'],
  ['an alias only', [line('web-1', A)], at('web-1', 22, 'alias'), B, 'unknown'],
  ['a revoked key', [line('web-1', A), line('*', A, '@revoked ')], at('web-1'), A, 'revoked known_hosts:2'],
  [
    'a revoked key before a good line',
    [line('*', A, '@revoked '), line('web-1', A)],
    at('web-1'),
    A,
    'revoked known_hosts:1',
  ],
  ['another revoked key', [line('web-1', A), line('*', B, '@revoked ')], at('web-1'), A, 'known'],
  ['an authority is no key of a host', [line('*', A, '@cert-authority ')], at('web-1'), A, 'unknown'],
];
for (const [sentence, lines, asked, key, expected] of TABLE)
  test(`known hosts: ${sentence}`, () => {
    const judged = judgeHostKey(read(...lines), asked, key);
    assert.equal('where' in judged ? `${judged.is} ${judged.where}` : judged.is, expected);
  });

test('an authority that speaks for a host is named', () => {
  const known = read(line('a', A), line('*.example.com,!b.example.com', B, '@cert-authority '));
  assert.equal(authorityFor(known, at('web.example.com')), 'known_hosts:2');
  assert.equal(authorityFor(known, at('web.example.com', 2222)), 'known_hosts:2');
  assert.equal(authorityFor(known, at('b.example.com')), undefined);
  assert.equal(authorityFor(known, at('a')), undefined);
});

test('what is no line of known_hosts is passed over, and told', () => {
  const { entries, notes } = read(
    '# comment\n\n',
    'web-1\n',
    'web-1 ssh-ed25519\n',
    'web-1 ssh-ed25519 !!!!\n',
    `web-1 ssh-rsa ${Buffer.from(A).toString('base64')}\n`,
    '@nonsense web-1 ssh-ed25519 AAAA\n',
    '|1|short|hash ssh-ed25519 AAAA\n',
    'web-1 1024 35 1234567890\n',
    line('good', A).trimEnd(),
  );
  assert.equal(entries.length, 1);
  assert.deepEqual(
    notes.map((note) => note.split(':').slice(0, 2).join(':')),
    [3, 4, 5, 6, 7, 8, 9].map((n) => `known_hosts:${n}`),
  );
});

test('a known host is asked for the types of key that are known', () => {
  const known = read(
    line('web-1', RSA),
    line('web-1', A),
    line('[web-2]:2222', A),
    line('*', A, '@revoked '),
  );
  assert.deepEqual(knownAlgorithms(known, at('web-1')), ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-ed25519']);
  assert.deepEqual(knownAlgorithms(known, at('web-1', 2222)), [
    'rsa-sha2-512',
    'rsa-sha2-256',
    'ssh-ed25519',
  ]);
  assert.deepEqual(knownAlgorithms(known, at('web-2', 2222)), ['ssh-ed25519']);
  assert.deepEqual(knownAlgorithms(known, at('web-3')), []);
});

suite('beside the real ssh-keygen', { ...requires('ssh-keygen') }, () => {
  const folder = temporaryFolder({ after });
  const keygen = (...args: string[]): string =>
    execFileSync('ssh-keygen', args, { encoding: 'utf8', stdio: 'pipe' });
  const keys = ['ed25519', 'ecdsa', 'rsa'].map((type) => {
    const path = join(folder, type);
    keygen('-q', '-t', type, '-N', '', '-f', path);
    const [, base64 = ''] = readFileSync(`${path}.pub`, 'utf8').split(' ');
    return { path, blob: new Uint8Array(Buffer.from(base64, 'base64')) };
  });

  test('fingerprints are the same', () => {
    for (const { path, blob } of keys)
      assert.equal(keygen('-lf', `${path}.pub`).split(' ')[1], fingerprintOf(blob));
  });

  test('what it hides is found, and it finds what is hidden here', () => {
    const file = join(folder, 'known_hosts');
    const asked = [at('web-1'), at('web-2', 2222), at('::1'), at('2001:db8::1', 2022)];
    const random = seededRandom('salt');
    for (const hidden of [false, true]) {
      const text = asked
        .map((one, index) => lineFor(one, keys[index % 3]?.blob ?? A, hidden ? random : undefined))
        .join('');
      writeFileSync(file, text);
      for (const one of asked) {
        const name = one.port === 22 ? one.host : `[${one.host}]:${one.port}`;
        assert.match(keygen('-F', name, '-f', file), /found: line/);
      }
      if (!hidden) keygen('-q', '-H', '-f', file);
      const known = readKnownHosts([{ path: file, text: readFileSync(file, 'utf8') }]);
      assert.deepEqual(known.notes, []);
      for (const [index, one] of asked.entries()) {
        assert.deepEqual(judgeHostKey(known, one, keys[index % 3]?.blob ?? A), { is: 'known' });
        assert.equal(judgeHostKey(known, one, B).is, 'changed');
      }
    }
  });

  test('it finds a host on the same lines, whatever patterns stand there', () => {
    const random = seededRandom('patterns');
    const one = <T>(...items: readonly T[]): T => items[Math.floor(fraction(random) * items.length)] as T;
    const names = [
      'web-1',
      'WEB-1',
      'web-12',
      'db.example.com',
      '10.0.0.7',
      '::1',
      '[web-1]:2222',
      '[db.example.com]:22022',
    ];
    const patterns = [
      ...names,
      'web-*',
      'web-?',
      '*',
      '!web-1',
      '!*.example.com',
      '*.example.com',
      '[web-1]:*',
      '[*]:2222',
      '10.0.0.?',
      'W*',
    ];
    const file = join(folder, 'patterns');
    let found = 0;
    for (let round = 0; round < 6; round++) {
      const lines = Array.from({ length: 20 }, (_, index) => {
        const key = keyOf('ssh-ed25519', String(index).padStart(32, 'k'));
        if (fraction(random) < 0.3) {
          const [, host = '', port = '22'] = /^\[?(.*?)(?:\]:(\d+))?$/.exec(one(...names)) ?? [];
          return { key, text: lineFor(at(host, Number(port)), key, random) };
        }
        const hosts = Array.from({ length: 1 + Math.floor(fraction(random) * 3) }, () => one(...patterns));
        return { key, text: line(hosts.join(','), key) };
      });
      writeFileSync(file, lines.map(({ text }) => text).join(''));
      const known = readKnownHosts([{ path: file, text: readFileSync(file, 'utf8') }]);
      for (const name of names) {
        // In lower case, as ssh looks hosts up.
        const { stdout } = spawnSync('ssh-keygen', ['-F', name.toLowerCase(), '-f', file], {
          encoding: 'utf8',
        });
        const theirs = [...stdout.matchAll(/found: line (\d+)/g)].map(([, number]) => Number(number));
        const ours = lines.flatMap(({ key }, index) =>
          judgeHostKey(known, { host: 'x', port: 22, hostKeyAlias: name }, key).is === 'known'
            ? [index + 1]
            : [],
        );
        assert.deepEqual(ours, theirs, `${name}\n${lines.map(({ text }) => text).join('')}`);
        found += ours.length;
      }
    }
    assert.ok(found > 100);
  });
});
