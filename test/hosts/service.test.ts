import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { freePort } from '../support/free-port.ts';
import { bootHost, HOST_NEEDS, type Host } from './host.ts';

const CHECKOUT = new URL('../..', import.meta.url).pathname;
const AT = '/srv/checkout';

/** What of it is on the machine. */
const TRACES = [
  '/opt/muster',
  '/etc/default/muster',
  '/etc/systemd/system/muster.service',
  '/usr/local/bin/muster',
];

const listed = (host: Host, ...paths: string[]): Promise<string> =>
  host.run(['/bin/sh', '-c', 'for path; do [ -e "$path" ] && echo "$path"; done; true', 'sh', ...paths]);

describe('a controller as a service', { ...HOST_NEEDS, concurrency: 2 }, () => {
  test('it is installed by one command, is ready when that ends, survives kill −9, and goes again without its state', async (t) => {
    const host = await bootHost(t, 'c1', { [AT]: CHECKOUT });
    const install = [
      `${AT}/bin/muster`,
      'serve',
      '--install-service',
      '--listen',
      `127.0.0.1:${await freePort()}`,
    ];
    const would = await host.run([...install, '--check']);
    assert.match(would, /^would make the system user muster$/m);
    assert.equal(await listed(host, ...TRACES, '/var/lib/muster'), '', 'a check changes nothing');

    await host.run(['sh', '-c', 'umask 077; exec "$@"', 'sh', ...install]);
    await host.run(['muster', 'status']);
    const { fleetId } = JSON.parse(await host.run(['muster', 'status', '--json']));
    assert.equal(
      await host.run(['stat', '-c', '%a %U', '/var/lib/muster', '/opt/muster/a']),
      '700 muster\n755 root\n',
    );
    const pid = (await host.run(['systemctl', 'show', '-P', 'MainPID', 'muster'])).trim();
    assert.equal(await host.run(['systemctl', 'show', '-P', 'LimitNOFILE', 'muster']), '65536\n');
    assert.match(await host.run(['cat', `/proc/${pid}/status`]), /^CapEff:\s+0+$/m);

    const again = JSON.parse(await host.run(['muster', 'serve', '--install-service', '--json']));
    assert.equal(again.steps.length, 1, 'the second time there is nothing to do');
    assert.equal((await host.run(['systemctl', 'show', '-P', 'MainPID', 'muster'])).trim(), pid);

    await host.run(['sh', '-c', 'kill -9 "$1"', 'sh', pid]);
    const wait = 'until muster status >/dev/null 2>&1; do sleep 0.1; done; muster status --json';
    assert.equal(JSON.parse(await host.run(['timeout', '30', 'sh', '-c', wait])).fleetId, fleetId);

    await host.run(['muster', 'serve', '--uninstall-service']);
    assert.equal(await listed(host, ...TRACES), '');
    assert.equal(await listed(host, '/var/lib/muster/keys'), '/var/lib/muster/keys\n', 'the keys stay');
    const both = await Promise.allSettled([host.run(install), host.run(install)]);
    const refused = both.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []));
    assert.equal(refused.length, 1, 'two at once do not meet');
    assert.match(refused[0] ?? '', /another install of the service is at work/);
    assert.equal(JSON.parse(await host.run(['muster', 'status', '--json'])).fleetId, fleetId);
  });

  test('a controller that was started by hand is taken over when that is said, and never followed by a second fleet', async (t) => {
    const host = await bootHost(t, 'c2', { [AT]: CHECKOUT });
    const by = `127.0.0.1:${await freePort()}`;
    const install = [`${AT}/bin/muster`, 'serve', '--install-service', '--listen', by, '--json'];
    const byHand = ['systemd-run', '--quiet', '--unit=by-hand', '--setenv=MUSTER_HOME=/root/.muster'];
    await host.run([...byHand, `${AT}/bin/muster`, 'serve', '--listen', by]);
    const status = async (home: string): Promise<{ fleetId: string }> => {
      const ask = `until MUSTER_HOME=${home} ${AT}/bin/muster status >/dev/null 2>&1; do sleep 0.1; done`;
      await host.run(['timeout', '30', 'sh', '-c', ask]);
      return JSON.parse(
        await host.run(['env', `MUSTER_HOME=${home}`, `${AT}/bin/muster`, 'status', '--json']),
      );
    };
    const before = await status('/root/.muster');

    await assert.rejects(host.run(install), /status 5.*controller in \/root\/\.muster, started by hand/s);
    await assert.rejects(host.run([...install, '--home', '/root/.muster']), /works on \/root\/\.muster/);
    // A fleet of its own, as was asked for; but its port is taken.
    const failed = host.run([...install, '--home', '/var/lib/muster']);
    await assert.rejects(failed, /another process listens there.*all of it was undone/s);
    assert.equal(await listed(host, ...TRACES, '/var/lib/muster'), '', 'nothing is left of what failed');
    await assert.rejects(host.run(['id', 'muster']));

    await host.run(['systemctl', 'stop', 'by-hand']);
    const { movedTo } = JSON.parse(await host.run([...install, '--home', '/root/.muster']));
    assert.equal((await status('/var/lib/muster')).fleetId, before.fleetId);
    assert.equal((await status('/root/.muster')).fleetId, before.fleetId, 'who used it still reaches it');
    assert.equal(await host.run(['ls', '-A', '/root/.muster']), 'context.json\n');
    assert.equal(await listed(host, `${movedTo}/keys/root.key`), `${movedTo}/keys/root.key\n`);

    // What root leaves in that home keeps the controller from nothing.
    await host.run(['sh', '-c', 'cd /var/lib/muster && chown root context.json && systemctl restart muster']);
    assert.equal((await status('/var/lib/muster')).fleetId, before.fleetId);
    await host.run(['sh', '-c', 'muster backup /root/b.tar && systemctl stop muster']);
    await host.run(['muster', 'restore', '--force', '/root/b.tar']);
    await host.run(['systemctl', 'start', 'muster']);
    assert.equal((await status('/var/lib/muster')).fleetId, before.fleetId);
  });
});
