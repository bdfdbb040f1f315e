import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { issueServer, makeAuthority } from '../../certs/tls.ts';
import { systemRandom } from '../../proto/system.ts';
import { connectProxy } from '../support/connect-proxy.ts';
import { temporaryFolder } from '../support/folder.ts';
import { until } from '../support/until.ts';
import { type AgentHandle, type Finished, MUSTER_AGENT, start, startFleet, type TestFleet } from './fleet.ts';

type Test = { after(fn: () => unknown): void };

interface Hidden {
  readonly fleet: TestFleet;
  readonly agent: AgentHandle;
  muster(...args: string[]): Promise<Finished>;
  online(wanted: boolean): Promise<unknown>;
}

/** An agent whose controller has no address but a name that only its proxy can look up. */
async function hidden(t: Test, ...proxy: string[]): Promise<Hidden> {
  const flags: string[] = [];
  const fleet = await startFleet(t, { flags });
  const { port } = new URL(fleet.url);
  const env = { MUSTER_URL: fleet.url };
  const url = `https://controller.test:${port}`;
  const words = ['--url', url, ...proxy];
  const agent = await fleet.agentWith('web-1', { join: words, flags: proxy });
  flags.push('--url', url);
  await fleet.stopController();
  await fleet.startController();
  const muster = (...args: string[]): Promise<Finished> => fleet.muster(args, { env });
  const online = (wanted: boolean): Promise<unknown> =>
    until(
      `it is ${wanted ? 'online' : 'offline'}`,
      async () => JSON.parse((await muster('agents', '--json')).stdout)[0].online === wanted,
      30_000,
    );
  // It learns there that the old address is one no more.
  await online(true);
  await agent.stop();
  agent.begin();
  return { fleet, agent, muster, online };
}

async function statusOf(t: Test, { home }: AgentHandle): Promise<string> {
  return (await start(t, MUSTER_AGENT, ['status'], { env: { MUSTER_AGENT_HOME: home } }).ended).stdout;
}

const saysNothingOf = (secrets: readonly string[], ...texts: string[]): void => {
  for (const secret of secrets)
    for (const text of texts) assert.ok(!text.includes(secret), `${secret} is in ${text}`);
};

describe('an agent behind a proxy', () => {
  test('joins, works, comes back when the proxy does, and says meanwhile what the matter is', async (t) => {
    const proxy = await connectProxy(t);
    proxy.credentials = 'robot:swordfish';
    const file = join(temporaryFolder(t), 'proxy-auth');
    writeFileSync(file, 'robot:swordfish\n', { mode: 0o600 });
    const at = `http://127.0.0.1:${proxy.port}`;
    const { agent, muster, online } = await hidden(t, '--proxy', at, '--proxy-auth-file', file);
    assert.ok(proxy.asked.length > 0, 'joining went by the proxy');
    await online(true);
    const run = await muster('run', '-t', 'web-1', '--', 'echo', 'by the proxy');
    assert.match(run.stdout, /by the proxy/);

    proxy.credentials = 'robot:another';
    proxy.cut();
    await until('it is refused', async () =>
      /does not take the user and the password that it was given \(407\)/.test(await statusOf(t, agent)),
    );
    proxy.answer = { status: 403 };
    await until('it is not allowed', async () =>
      /does not allow connections to controller\.test:\d+ \(403\)/.test(await statusOf(t, agent)),
    );
    await online(false);
    proxy.answer = undefined;
    proxy.credentials = 'robot:swordfish';
    await online(true);
    const { stderr } = await agent.stop();
    saysNothingOf(['swordfish', Buffer.from('robot:swordfish').toString('base64')], stderr);
  });

  test('goes by the proxy of its environment, of https: too, and takes the password out of its log', async (t) => {
    const plain = await connectProxy(t);
    const { fleet, agent, online } = await hidden(t, '--proxy', `http://127.0.0.1:${plain.port}`);
    await agent.stop();
    const now = Date.now();
    const authority = await makeAuthority({ random: systemRandom, now, days: 1, name: 'Example Corp CA' });
    const hosts = ['127.0.0.1'];
    const { certPem: cert, keyPem: key } = await issueServer({
      ...{ random: systemRandom, authority, hosts, now, days: 1 },
    });
    const ca = join(fleet.folder, 'ca.pem');
    writeFileSync(ca, authority.certPem);
    const proxy = await connectProxy(t, { cert, key });
    proxy.credentials = 'robot:swordfish';
    const again = start(t, MUSTER_AGENT, ['run'], {
      env: {
        MUSTER_AGENT_HOME: agent.home,
        HTTPS_PROXY: `https://robot:swordfish@127.0.0.1:${proxy.port}`,
        NODE_EXTRA_CA_CERTS: ca,
        MUSTER_AGENT_LOG_LEVEL: 'debug',
      },
    });
    await online(true);
    assert.equal(proxy.tunnels.length, 1);
    assert.match(again.stderr(), new RegExp(`"proxy":"127.0.0.1:${proxy.port}"`));
    again.child.kill('SIGTERM');
    const { stderr } = await again.ended;
    saysNothingOf(['swordfish'], stderr);
  });

  test('refuses a proxy that it does not understand without repeating it', async (t) => {
    for (const wrong of ['socks5://robot:swordfish@p:1', 'http://robot:swordfish@', 'http://p/swordfish']) {
      const asked = start(t, MUSTER_AGENT, ['run'], { env: { MUSTER_AGENT_PROXY: wrong } });
      const { status, stderr } = await asked.ended;
      assert.equal(status, 2);
      assert.match(stderr, /MUSTER_AGENT_PROXY is not http:\/\/HOST:PORT or https:\/\/HOST:PORT of a proxy/);
      saysNothingOf(['swordfish'], stderr);
    }
  });
});
