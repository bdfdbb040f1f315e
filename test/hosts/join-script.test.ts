import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { systemdUnitText } from '../../controller/installer/remote/service-files.ts';
import { startFleet, type TestFleet } from '../e2e/fleet.ts';
import { temporaryFolder } from '../support/folder.ts';
import { requires } from '../support/requires.ts';
import { bootHost, HOST_NEEDS, type Host } from './host.ts';
import { difference, filesOf } from './leftovers.ts';

const NODE = '/usr/local/bin/node';
const AT = '/root/join.sh';
const ARCH = process.arch === 'arm64' ? 'arm64' : 'x64';

/** A folder with this machine's curl and its libraries, to lie over a host's files. */
function withCurl(folder: string): string {
  const libraries = execFileSync('ldd', ['/usr/bin/curl'], { encoding: 'utf8' }).matchAll(/=> (\/\S+)/g);
  for (const path of ['/usr/bin/curl', ...[...libraries].map(([, library = '']) => library)]) {
    const at = join(folder, realpathSync(dirname(path)));
    mkdirSync(at, { recursive: true });
    cpSync(realpathSync(path), join(at, basename(path)));
  }
  return folder;
}

async function scriptOf(fleet: TestFleet, ...more: string[]): Promise<string> {
  const args = ['token', 'create', '--script', '--arch', ARCH, ...more];
  const { status, stdout, stderr } = await fleet.muster(args);
  assert.equal(status, 0, stderr);
  return stdout;
}

/** What the script said, and its exit status. */
async function carriedOut(
  host: Host,
  script: string,
  shell = 'sh',
  ...args: string[]
): Promise<{ said: string; status: number }> {
  await host.write(AT, script, 0o600);
  const said = await host.run([
    'sh',
    '-c',
    '"$@" 2>&1; echo "status $?"',
    'sh',
    ...shell.split(' '),
    AT,
    ...args,
  ]);
  await host.run(['rm', AT]);
  const [, text = '', status] = /^(.*)status (\d+)\n$/s.exec(said) ?? [];
  return { said: text, status: Number(status) };
}

const refused = ({ said, status }: { said: string; status: number }, why: RegExp): void => {
  assert.notEqual(status, 0, said);
  assert.match(said, why);
};

describe('a script with a join token', { ...HOST_NEEDS, concurrency: 2 }, () => {
  test('brings a bare host with curl into the fleet, and is carried out as often as one likes', {
    ...requires('curl'),
  }, async (t) => {
    const over = withCurl(temporaryFolder(t));
    const [host, fleet] = await Promise.all([bootHost(t, 'j1', {}, over), startFleet(t)]);
    const script = await scriptOf(fleet, '--label', 'role=web', '--name', 'j1');
    const audit = await fleet.client.call('audit.list', { query: { limit: 50 } });
    assert.deepEqual(
      audit
        .map(({ action }) => action)
        .filter((action) => /^(token|content)\./.test(action))
        .slice(-2),
      ['content.publish', 'token.create'],
      "the token's life begins when all is there",
    );
    const before = await filesOf(host);
    const token = /^token='([^']+)'$/m.exec(script)?.[1] ?? '';

    // Whatever fails leaves nothing behind.
    const builds = [...script.matchAll(/= ([0-9a-f]{128}) \]/g)].map(([, sha512 = '']) => sha512);
    const another = builds.reduce((text, sha512) => text.replaceAll(sha512, '0'.repeat(128)), script);
    refused(await carriedOut(host, another), /what arrived is not what was sent: its digest is another one/);
    assert.deepEqual(difference(before, await filesOf(host)), []);
    const checked = '  # Before anything reads it';
    assert.ok(script.includes(checked));
    const between = script.replace(checked, () => `  echo >>"$work/packed"\n${checked}`);
    refused(await carriedOut(host, between), /what came is not what was sent/);
    assert.deepEqual(difference(before, await filesOf(host)), []);
    const wrong = (await fleet.token('--name', 'j1', '--ttl', '1ms')).trim();
    refused(
      await carriedOut(host, script.replaceAll(token, wrong)),
      /the join token has expired[\s\S]*joining: /,
    );
    refused(await carriedOut(host, script, 'sh', 'elsewhere'), /usage: sh FILE \[prepare\]/);
    assert.deepEqual(
      difference(before, await filesOf(host)).filter((path) => !path.includes('/var/lib/')),
      [],
    );

    const { said, status } = await carriedOut(host, script);
    assert.equal(status, 0, said);
    assert.match(said, /getting the agent for x64\n[\s\S]*joined as j1[\s\S]*the agent is online\n$/);
    assert.doesNotMatch(said, /cannot be checked/, "the controller's own authority is pinned");
    await fleet.online('j1', true);
    const [agent] = await fleet.json<{ name: string; labels: object }[]>(['agents', '--json']);
    assert.deepEqual([agent?.name, agent?.labels], ['j1', { role: 'web' }]);
    assert.equal(
      (await host.run(['sh', '-c', 'grep -rlF -- "$1" /etc /opt /var /root /tmp || :', 'sh', token])).trim(),
      '',
    );

    const again = await carriedOut(host, script);
    assert.deepEqual(
      [again.status, again.said],
      [0, 'muster: the agent is here, and connected: nothing to do\n'],
    );
    await host.run(['systemctl', 'stop', 'muster-agent']);
    const mended = await carriedOut(host, script);
    assert.equal(mended.status, 0, mended.said);
    assert.match(mended.said, /joined this fleet already[\s\S]*the agent is online/);
    assert.doesNotMatch(mended.said, /getting/);

    assert.equal(
      await host.run(['cat', '/etc/systemd/system/muster-agent.service']),
      systemdUnitText('/etc/default/muster-agent'),
      'the same files as over SSH',
    );
    await host.run([
      'sh',
      '-c',
      `sed -i 's/"fleetId": *"[0-9a-f]*"/"fleetId": "00"/' /var/lib/muster-agent/identity.json`,
    ]);
    refused(await carriedOut(host, script), /agent of another fleet \(00\)/);
    await host.run(['/opt/muster-agent/bin/uninstall']);
    assert.deepEqual(difference(before, await filesOf(host)), []);
  });

  test('puts an agent into an image with Node, busybox and nothing else, which joins where it boots', {
    ...requires('busybox'),
  }, async (t) => {
    const busybox = { [NODE]: process.execPath, '/usr/bin/busybox': '/usr/bin/busybox' };
    const [host, fleet] = await Promise.all([bootHost(t, 'j2', busybox), startFleet(t)]);
    const before = await filesOf(host);
    const proxy = 'http://127.0.0.1:1';
    const script = await scriptOf(fleet, '--approve', 'manual', '--service', 'none', '--proxy', proxy);
    // There is none; what is written down is.
    const direct = script.replace(/^export https_proxy=.*$/m, '');
    const prepared = await carriedOut(host, direct, 'busybox sh', 'prepare');
    assert.equal(prepared.status, 0, prepared.said);
    assert.match(
      prepared.said,
      /getting the agent for the Node that is here\n.*in its place; it joins where this is run without/s,
    );
    assert.doesNotMatch(prepared.said, /cannot be checked/);
    assert.equal(await host.run(['readlink', '/opt/muster-agent/a/node']), `${NODE}\n`);
    assert.deepEqual(
      difference(before, await filesOf(host)).filter((path) => !path.startsWith('+/opt/muster-agent')),
      ['+/etc/default/muster-agent', '+/usr/local/bin/muster-agent'],
      'neither keys nor a service',
    );
    const settings = await host.run(['cat', '/etc/default/muster-agent']);
    assert.equal(settings.split('\n').at(-2), `MUSTER_AGENT_PROXY="${proxy}"`);
    assert.match(await host.run(['ls', '-l', '/etc/default/muster-agent']), /^-rw------- 1 root root/);

    const joined = await carriedOut(host, direct.replaceAll(proxy, ''), 'busybox sh');
    assert.equal(joined.status, 0, joined.said);
    assert.match(joined.said, /waits for an operator now/);
    assert.doesNotMatch(joined.said, /getting/);
    const [agent] = await fleet.client.call('agents.list', { query: {} });
    assert.equal(agent?.state, 'pending');
    refused(
      await carriedOut(host, direct, 'busybox sh', 'prepare'),
      /joined already: an image of it would be many machines/,
    );
    await fleet.client.call('agents.approve', { params: { agent: agent?.name ?? '' } });
    await fleet.online(agent?.name ?? '', true);
    await host.run(['/opt/muster-agent/bin/uninstall']);
    assert.deepEqual(difference(before, await filesOf(host)), []);
  });
});
