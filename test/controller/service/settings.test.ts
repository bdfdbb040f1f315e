import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSettings, withSettings } from '../../../controller/service/settings.ts';

test('what an operator wrote into the settings stays, and what is given replaces its line', () => {
  const before =
    '# mine\nHTTPS_PROXY="http://proxy:3128"\nMUSTER_SERVE_LISTEN=127.0.0.1:1\n\nMUSTER_SERVE_LISTEN=127.0.0.1:2\n';
  const after = withSettings(before, { MUSTER_SERVE_LISTEN: '0.0.0.0:7443', MUSTER_SERVE_KEEP_JOBS: '90d' });
  assert.equal(
    after,
    '# mine\nHTTPS_PROXY="http://proxy:3128"\nMUSTER_SERVE_LISTEN=0.0.0.0:7443\nMUSTER_SERVE_KEEP_JOBS=90d\n',
  );
  assert.equal(withSettings(after, {}), after);
});

test('a value is read back as it was given, whatever is in it', () => {
  for (const value of [
    'plain',
    '',
    'https://a:1,https://[::1]:2',
    'a "b" \\ $HOME `id`',
    "it's",
    ' spaces ',
  ]) {
    const text = withSettings(undefined, { X: value });
    assert.equal(parseSettings(text).X, value, text);
  }
});

test('of a name that stands twice the last counts, and comments and prototypes are no settings', () => {
  const read = parseSettings("A=1\n#B=2\nA='2'\n__proto__=x\n export C=3\n");
  assert.deepEqual({ ...read }, JSON.parse('{"A":"2","__proto__":"x"}'));
});
