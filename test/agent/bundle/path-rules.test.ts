import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_PATHS, parsePathRules } from '../../../agent/bundle/path-rules.ts';

test('a rule is a path, with stars within its parts or two at its end', () => {
  const rows: [string, string[], string[]][] = [
    ['/etc/motd', ['/etc/motd'], ['/etc', '/etc/motd/x', '/etc/motd2', '/ETC/motd', '/etc/mot']],
    ['/etc/*', ['/etc/a', '/etc/.a', '/etc/*'], ['/etc', '/etc/a/b', '/', '/etcetera']],
    ['/etc/*.conf', ['/etc/a.conf', '/etc/.conf'], ['/etc/aconf', '/etc/a.confx', '/etc/d/a.conf']],
    ['/srv/*/x*y', ['/srv/a/xy', '/srv/a/x…y'], ['/srv/xy', '/srv/a/b/xy', '/srv/a/x\n']],
    ['/srv/app/**', ['/srv/app', '/srv/app/a', '/srv/app/a/b'], ['/srv', '/srv/application', '/srv/b/app']],
    ['/srv/*/**', ['/srv/a', '/srv/a/b'], ['/srv']],
    ['/**', ['/', '/a', '/a/b'], []],
    ['/', ['/'], ['/a']],
    ['/*ab*ab*', ['/abab', '/xabyabz'], ['/ab', '/aab', '/abaxb']],
    ['/a*a', ['/aa', '/aba'], ['/a']],
    ['/a.b+(c)[d]', ['/a.b+(c)[d]'], ['/axb+(c)[d]', '/a.bb(c)d']],
  ];
  for (const [rule, allowed, refused] of rows) {
    const rules = parsePathRules([rule], 'write');
    for (const path of allowed) assert.equal(rules.allows(path), true, `${rule} ${path}`);
    for (const path of refused) assert.equal(rules.allows(path), false, `${rule} ${path}`);
  }
});

test('a path that is not in its plain spelling is allowed by no rule', () => {
  const rules = parsePathRules(['/**'], 'write');
  for (const path of ['', 'etc', '/etc/', '//etc', '/etc/../x', '/etc/./x', '/a\0b'])
    assert.equal(rules.allows(path), false, path);
});

test('no rule allows nothing, and no list allows all', () => {
  assert.equal(parsePathRules([], 'write').allows('/etc/motd'), false);
  assert.equal(ALL_PATHS.allows('/etc/motd'), true);
});

test('a rule with many stars does not take long', () => {
  const rules = parsePathRules([`/${'a*'.repeat(20)}b`], 'write');
  const beganMs = performance.now();
  assert.equal(rules.allows(`/${'a'.repeat(200)}`), false);
  assert.ok(performance.now() - beganMs < 1_000);
});
