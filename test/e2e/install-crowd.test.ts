import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Report } from '../../controller/cli/install/report.ts';
import { SSHD_NEEDS, type SshHost } from '../hosts/sshd.ts';
import { until } from '../support/until.ts';
import { lines, type Running } from './fleet.ts';
import { addressOf, NO_SERVICE, startInstalling } from './installing.ts';

interface Line {
  event: string;
  host?: string;
  state?: string;
  did?: string | null;
  cause?: string | null;
  step?: string | null;
}

const about = (text: string, event: string): Line[] =>
  lines<Line>(text).filter((line) => line.event === event);
const hasAgent = (host: SshHost): Promise<boolean> =>
  host.run(['ls', '/opt/muster-agent/current']).then(
    () => true,
    () => false,
  );

test(
  'good hosts are installed whatever becomes of bad ones, and --resume goes on with those that were mended',
  SSHD_NEEDS,
  async (t) => {
    const { fleet, home, host, install } = await startInstalling(t);
    const known = join(home, '.ssh', 'known_hosts');
    const [one, two] = await Promise.all([host({ name: 'web-1' }), host({ name: 'web-2' })]);
    const closed = await host({ name: 'closed', settings: ['PermitRootLogin no'] });
    const full = await host({ name: 'full', full: ['/opt'] });
    const before = readFileSync(known, 'utf8');
    const stranger = await host({ name: 'stranger' });
    writeFileSync(known, before);
    writeFileSync(
      join(home, '.ssh', 'config'),
      `Host twin\n HostName ${two.address}\n Port ${two.port}\n User root\n`,
    );
    const list = join(home, 'hosts.txt');
    writeFileSync(
      list,
      [
        ...[one, two, closed, full, stranger].map(addressOf),
        // The same machine by another way, and a port where nobody listens.
        'twin',
        `root@${one.address}:9`,
      ].join('\n'),
    );

    const first = await install(['-i', list, '--concurrency', '2']);
    assert.equal(first.status, 1, first.stdout + first.stderr);
    const out = first.stdout;
    assert.match(out, /2 hosts installed \d/, out);
    assert.match(out, new RegExp(`1 host: permission denied.*\n {4}${addressOf(closed)}\n`));
    assert.match(out, new RegExp(`1 host: too little space: .*\n {4}${addressOf(full)}\n`));
    assert.match(out, new RegExp(`1 host: the host key is not known: .*\n {4}${addressOf(stranger)}\n`));
    assert.match(out, new RegExp(`1 host: no connection: .*\n {4}root@${one.address}:9\n`));
    assert.match(
      out,
      new RegExp(`1 host: another entry is this same machine: ${addressOf(two)}\n {4}twin\n`),
    );
    const names = (await fleet.client.call('agents.list', { query: {} })).map(({ name }) => name);
    assert.deepEqual(names.sort(), ['web-1', 'web-2']);
    assert.equal(await hasAgent(full), false);

    const again = /muster install --resume (\S+)/.exec(out)?.[1] ?? '';
    await full.run(['umount', '/opt']);
    writeFileSync(known, `${before}${stranger.knownHost}\n`);
    const second = await install(['--resume', again, '--json']);
    assert.equal(second.status, 1, second.stderr);
    const hosts = about(second.stdout, 'host');
    assert.ok(!hosts.some(({ host: written }) => written === addressOf(one)), second.stdout);
    assert.deepEqual(
      hosts
        .filter(({ state }) => state === 'done')
        .map(({ host: written }) => written)
        .sort(),
      // The twin of one that is done is done.
      [...[full, stranger].map(addressOf), 'twin'].sort(),
    );
    const report = JSON.parse(readFileSync(again, 'utf8')) as Report;
    assert.equal(report.hosts.filter(({ state }) => state === 'done').length, 5);
  },
);

/** Started on hosts, one at a time, and interrupted so often once the first is being worked on. */
async function interrupted(
  begin: (command: string, args: readonly string[]) => Running,
  hosts: readonly SshHost[],
  times: number,
  step: string,
): Promise<Running> {
  const running = begin('install', [
    ...NO_SERVICE,
    ...['--json', '--concurrency', '1'],
    ...hosts.map(addressOf),
  ]);
  await until('the first host is at hand', () => running.stdout().includes(`"step":"${step}"`));
  for (let time = 1; time <= times; time += 1) {
    running.child.kill('SIGINT');
    await until('it was heard', () => about(running.stdout(), 'stopping').length >= time);
  }
  return running;
}

test(
  'Ctrl-C finishes the host at hand and begins no other; the rest is told, and gone on with',
  SSHD_NEEDS,
  async (t) => {
    const { fleet, host, begin, install } = await startInstalling(t);
    const hosts = await Promise.all([host({ name: 'a' }), host({ name: 'b' })]);
    const { status, stdout } = await (await interrupted(begin, hosts, 1, 'place')).ended;
    assert.equal(status, 130, stdout);
    assert.deepEqual(
      about(stdout, 'host').map(({ state, did }) => [state, did]),
      [
        ['done', 'installed'],
        ['left', null],
      ],
    );
    const folder = join(fleet.home, 'installs');
    const [report = ''] = readdirSync(folder);
    const rest = await install(['--resume', join(folder, report)]);
    assert.equal(rest.status, 0, rest.stderr);
    assert.match(rest.stdout, /^1 host in/);
    const agents = await fleet.client.call('agents.list', { query: {} });
    assert.deepEqual(agents.map(({ name, online }) => [name, online]).sort(), [
      ['a', true],
      ['b', true],
    ]);
  },
);

test('a second Ctrl-C takes back what was done on the host at hand', SSHD_NEEDS, async (t) => {
  const { fleet, host, begin, install } = await startInstalling(t);
  const hosts = await Promise.all([host({ name: 'a' }), host({ name: 'b' })]);
  const { status, stdout } = await (await interrupted(begin, hosts, 2, 'service')).ended;
  assert.equal(status, 130, stdout);
  assert.deepEqual(
    about(stdout, 'host').map(({ state, cause }) => [state, cause]),
    [
      ['left', 'stopped'],
      ['left', null],
    ],
  );
  const [first] = hosts;
  assert.equal(await hasAgent(first), false);
  assert.deepEqual(await fleet.client.call('agents.list', { query: {} }), []);
  const next = await install(hosts.map(addressOf));
  assert.equal(next.status, 0, next.stdout + next.stderr);
});

test('an install that is killed leaves a host that the next one picks up', SSHD_NEEDS, async (t) => {
  const { fleet, host, begin, install } = await startInstalling(t);
  const one = await host({ name: 'a' });
  for (const step of ['place', 'service', 'online']) {
    const running = begin('install', [...NO_SERVICE, '--json', addressOf(one)]);
    await until(step, () => running.stdout().includes(`"step":"${step}"`));
    running.child.kill('SIGKILL');
    await running.ended;
  }
  const { status, stdout, stderr } = await install([addressOf(one)]);
  assert.equal(status, 0, stdout + stderr);
  await fleet.online('a', true);
});

test('--check says what would be done and changes nothing, neither there nor here', SSHD_NEEDS, async (t) => {
  const { fleet, home, host, install } = await startInstalling(t);
  const one = await host({ name: 'a' });
  const known = join(home, '.ssh', 'known_hosts');
  writeFileSync(known, '');
  const { status, stdout, stderr } = await install([
    ...['--check', '--host-key-policy', 'accept-new', addressOf(one)],
  ]);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /1 host would be installed/);
  assert.match(stderr, /SHA256:\S+; it is not recorded/);
  assert.equal(readFileSync(known, 'utf8'), '');
  assert.equal(await hasAgent(one), false);
  await assert.rejects(one.run(['ls', '/var/lib/muster-agent']));
  assert.deepEqual(await fleet.client.call('agents.list', { query: {} }), []);
  assert.throws(() => readdirSync(join(fleet.home, 'installs')));
});

test(
  'a controller that is killed and comes back in the middle costs an install some time, and nothing else',
  SSHD_NEEDS,
  async (t) => {
    const { fleet, host, begin } = await startInstalling(t);
    const hosts = await Promise.all([host({ name: 'a' }), host({ name: 'b' })]);
    const running = begin('install', [
      ...NO_SERVICE,
      '--json',
      '--concurrency',
      '1',
      ...hosts.map(addressOf),
    ]);
    await until('the first host is at hand', () => running.stdout().includes('"step":"place"'));
    await fleet.stopController('SIGKILL');
    await fleet.startController();
    const { status, stdout, stderr } = await running.ended;
    assert.equal(status, 0, stdout + stderr);
  },
);

test(
  'a controller that has gone for good begins no other host: status 5, and the rest is told',
  SSHD_NEEDS,
  async (t) => {
    const { fleet, host, begin } = await startInstalling(t);
    const hosts = await Promise.all([host({ name: 'a' }), host({ name: 'b' })]);
    const running = begin('install', [
      ...NO_SERVICE,
      '--json',
      '--concurrency',
      '1',
      ...hosts.map(addressOf),
    ]);
    await until('the first host is at hand', () => running.stdout().includes('"step":"place"'));
    // Its operator is nobody any more.
    await fleet.client.call('operators.revoke', { params: { name: 'admin' } });
    const { status, stdout } = await running.ended;
    assert.equal(status, 5, stdout);
    assert.deepEqual(
      about(stdout, 'host').map(({ state, cause }) => [state, cause]),
      [
        ['failed', 'refused'],
        ['left', null],
      ],
    );
  },
);

test(
  'a name that another agent has is told before anything is copied, by --check as well; --replace takes it where the operator says it',
  SSHD_NEEDS,
  async (t) => {
    const { fleet, host, install } = await startInstalling(t);
    const [one, two] = await Promise.all([host({ name: 'web-1' }), host({ name: 'web-1' })]);
    assert.equal((await install([addressOf(one)])).status, 0);
    for (const more of [['--check'], []]) {
      const { status, stdout } = await install([...more, '--json', addressOf(two)]);
      assert.equal(status, 1);
      const [told] = about(stdout, 'host');
      assert.deepEqual([told?.cause, told?.step], ['name-taken', 'probe']);
    }
    const byItself = await install(['--replace', addressOf(two)]);
    assert.equal(byItself.status, 1);
    assert.match(byItself.stdout, /so the host calls itself/);
    const list = join(fleet.folder, 'web.yaml');
    const { address, port } = two;
    writeFileSync(list, `hosts: [{ name: web-1, host: ${address}, port: ${port}, user: root }]\n`);
    const { status, stdout, stderr } = await install(['--replace', '-i', list]);
    assert.equal(status, 0, stdout + stderr);
    const agents = await fleet.client.call('agents.list', { query: {} });
    assert.deepEqual(
      agents.map(({ name, online }) => [name, online]),
      [['web-1', true]],
    );
  },
);

test(
  'labels of a host that has its agent are set by another install, told, and set once',
  SSHD_NEEDS,
  async (t) => {
    const { fleet, host, install, begin } = await startInstalling(t);
    const one = await host({ name: 'web-1' });
    assert.equal((await install([addressOf(one)])).status, 0);
    const labels = ['--label', 'role=web', '--label', 'env=prod'];
    const said = async (...more: string[]): Promise<string> => {
      const { status, stdout, stderr } = await install([...more, addressOf(one)]);
      assert.equal(status, 0, stdout + stderr);
      return stdout;
    };
    assert.match(await said('--check', ...labels), /1 host would set labels, /);
    assert.match(await said(...labels), /1 host labels set, /);
    assert.match(await said(...labels), /1 host nothing to do, /);
    const [agent] = await fleet.client.call('agents.list', { query: {} });
    assert.deepEqual(agent?.labels, { role: 'web', env: 'prod' });
    const gone = await begin('uninstall', ['--ssh', '--yes', addressOf(one)]).ended;
    assert.equal(gone.status, 0, gone.stdout + gone.stderr);
    assert.deepEqual(await fleet.client.call('agents.list', { query: {} }), []);
  },
);
