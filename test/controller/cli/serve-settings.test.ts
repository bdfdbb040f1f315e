import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../../../controller/cli/failure.ts';
import { readSettings, SETTINGS } from '../../../controller/cli/serve-settings.ts';
import { KEEPING } from '../../../controller/config.ts';

const DAY_MS = 86_400_000;

test('what is not said is as it is built in', () => {
  const settings = readSettings({}, {});
  assert.equal(settings.listen, '127.0.0.1:7443');
  assert.deepEqual(
    [settings.keepJobsMs, settings.keepOutputMs, settings.maxOutputStoreBytes, settings.reserveBytes],
    [KEEPING.jobsMs, KEEPING.outputMs, KEEPING.outputBytes, KEEPING.reserveBytes],
  );
});

test('a flag wins over the environment, the environment over what is built in', () => {
  const env = {
    MUSTER_SERVE_KEEP_JOBS: '7d',
    MUSTER_SERVE_URLS: 'https://a,https://b',
    MUSTER_SERVE_RESERVE: '',
  };
  assert.equal(readSettings({}, env).keepJobsMs, 7 * DAY_MS);
  assert.deepEqual(readSettings({}, env).urls, ['https://a', 'https://b']);
  assert.deepEqual(readSettings({ urls: ['https://c'] }, env).urls, ['https://c']);
  assert.equal(readSettings({ keepJobsMs: '1d12h' }, env).keepJobsMs, 1.5 * DAY_MS);
  assert.equal(readSettings({}, env).reserveBytes, KEEPING.reserveBytes, 'empty is unset');
});

test('never and 0 mean what they say', () => {
  const settings = readSettings(
    { keepJobsMs: 'never', keepOutputMs: 'never', maxOutputStoreBytes: 'never', reserveBytes: '0' },
    {},
  );
  assert.deepEqual(
    [settings.keepJobsMs, settings.keepOutputMs, settings.maxOutputStoreBytes, settings.reserveBytes],
    [null, null, null, 0],
  );
});

test('what cannot be read is wrong use that names the flag or the variable', () => {
  const cases: [Parameters<typeof readSettings>, RegExp][] = [
    [[{ keepJobsMs: '90' }, {}], /^--keep-jobs: "90" needs a unit/],
    [[{ keepJobsMs: '0s' }, {}], /^--keep-jobs: "0s" is too short/],
    [[{ keepOutputMs: '' }, {}], /^--keep-output: "" is not a duration/],
    [[{ maxOutputStoreBytes: '0' }, {}], /^--max-output-store: "0" is too small/],
    [[{ reserveBytes: '-1' }, {}], /^--reserve: "-1" is not a size/],
    [[{}, { MUSTER_SERVE_LOG_LEVEL: 'loud' }], /^MUSTER_SERVE_LOG_LEVEL: "loud" is none of trace, debug/],
  ];
  for (const [[flags, env], message] of cases)
    assert.throws(
      () => readSettings(flags, env),
      (error) => error instanceof Failure && error.exit === 2 && message.test(error.message),
      String(message),
    );
});

test('each setting has a flag, a variable of its own and a sentence', () => {
  const settings = Object.values(SETTINGS);
  assert.equal(new Set(settings.map(({ env }) => env)).size, settings.length);
  for (const { flag, env, help } of settings) {
    assert.match(flag, /^--[a-z-]+ <[a-z:]+>$/);
    assert.match(env, /^MUSTER_SERVE_[A-Z_]+$/);
    assert.ok(help.length > 20);
  }
});
