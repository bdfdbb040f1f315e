import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readConfig, SETTINGS } from '../../agent/config.ts';

describe("an agent's settings", () => {
  it('are the flag, else the variable, else what is built in', () => {
    const env = { MUSTER_AGENT_HOME: '/from/env', MUSTER_AGENT_PARALLEL_RUNS: '3' };
    const config = readConfig({ home: '/from/flag' }, env);
    assert.deepEqual([config.home, config.parallelRuns, config.logLevel], ['/from/flag', 3, 'info']);
    assert.ok(Object.isFrozen(config));
  });

  it('name what is wrong, and where it was said', () => {
    assert.throws(() => readConfig({ parallelRuns: '0' }, {}), {
      code: 'bad-request',
      message: /--parallel-runs is a whole/,
    });
    assert.throws(() => readConfig({}, { MUSTER_AGENT_LOG_LEVEL: 'loud' }), {
      message: /MUSTER_AGENT_LOG_LEVEL is one of/,
    });
    for (const text of ['', '-1', '1.5', '1e3', 'many', ' 7'])
      assert.throws(() => readConfig({ reserveBytes: text }, {}), { code: 'bad-request' });
    assert.throws(() => readConfig({ home: '' }, {}), { code: 'bad-request' });
  });

  it('take the proxy of others where ours is not set, and where theirs is not empty', () => {
    const proxyOf = (env: Record<string, string>) => readConfig({}, env).proxy;
    const https = { https_proxy: 'http://a:1', HTTPS_PROXY: 'http://b:1' };
    assert.equal(proxyOf({}), '');
    assert.equal(proxyOf(https), 'http://a:1');
    assert.equal(proxyOf({ ...https, https_proxy: '' }), 'http://b:1');
    assert.equal(proxyOf({ ...https, MUSTER_AGENT_PROXY: 'http://c:1' }), 'http://c:1');
    for (const none of ['none', '']) assert.equal(proxyOf({ ...https, MUSTER_AGENT_PROXY: none }), '');
    assert.equal(readConfig({ proxy: 'none' }, https).proxy, '');
    assert.equal(readConfig({}, { NO_PROXY: 'a', MUSTER_AGENT_DIRECT: 'b' }).direct, 'b');
    assert.equal(readConfig({}, { NO_PROXY: 'a' }).direct, 'a');
    assert.throws(
      () => readConfig({}, { HTTPS_PROXY: 'socks5://u:secret@p' }),
      (error: Error) => {
        assert.match(error.message, /HTTPS_PROXY is not http/);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
    );
  });

  it('each have a flag and a variable of their own', () => {
    const all = Object.values(SETTINGS);
    assert.equal(new Set(all.map(({ flag }) => flag)).size, all.length);
    assert.equal(new Set(all.map(({ env }) => env)).size, all.length);
  });
});
