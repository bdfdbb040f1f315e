import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { connect } from 'node:tls';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';
import { type Finished, MUSTER_AGENT, startFleet } from './fleet.ts';

async function namesOfCertificate(url: string): Promise<string> {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port), rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const names = socket.getPeerCertificate().subjectaltname ?? '';
  socket.destroy();
  return names;
}

describe('a controller that moves to another address', () => {
  test('tells it to its agents while the old one still answers; they come along, whatever sleeps can be told', async (t) => {
    const flags: string[] = [];
    const fleet = await startFleet(t, { flags });
    const before = fleet.url;
    const after = `https://127.0.0.1:${await freePort()}`;
    const at = (url: string, ...args: string[]): Promise<Finished> =>
      fleet.muster(args, { env: { MUSTER_URL: url } });
    const online = async (url: string): Promise<string[]> => {
      const { stdout } = await at(url, 'agents', '--json');
      const agents = JSON.parse(stdout || '[]') as { name: string; online: boolean }[];
      return agents.filter((agent) => agent.online).map(({ name }) => name);
    };
    const [, late, asleep] = await Promise.all(['web-1', 'late', 'asleep'].map((name) => fleet.agent(name)));
    assert.ok(late && asleep);
    await Promise.all([late.stop(), asleep.stop()]);

    // Both addresses are named, the old one answers.
    flags.push('--url', after, '--url', before);
    await fleet.stopController();
    await fleet.startController();
    await until(
      'it is back by the old address',
      async () => (await online(before)).includes('web-1'),
      30_000,
    );
    late.begin();
    await until('so is one that came later', async () => (await online(before)).includes('late'), 30_000);

    // Only the new one is left.
    flags.splice(0, flags.length, '--url', after, '--url', 'https://muster.example.test:7443');
    await fleet.stopController();
    await fleet.startController();
    await until(
      'both come by the new one',
      async () => (await online(after)).join() === 'late,web-1',
      60_000,
    );
    assert.equal((await at(after, 'run', '-t', 'web-1,late', '--', 'true')).status, 0);
    assert.match(await namesOfCertificate(after), /muster\.example\.test/);

    // Who slept through all of it knows the old address alone, until somebody tells it.
    const lost = asleep.beginAs([MUSTER_AGENT], { MUSTER_AGENT_URL: before });
    await until('it finds nobody', () => /not connected/.test(lost.stderr()), 30_000);
    lost.child.kill('SIGTERM');
    await lost.ended;
    asleep.beginAs([MUSTER_AGENT], { MUSTER_AGENT_URL: after });
    await until('it was told', async () => (await online(after)).includes('asleep'), 30_000);
  });
});
