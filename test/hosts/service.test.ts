import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bootHost, HOST_NEEDS, type Host } from './host.ts';

const CHECKOUT = new URL('../..', import.meta.url).pathname;
const AT = '/srv/checkout';
const LISTEN = '127.0.0.1:17443';

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
    const install = [`${AT}/bin/muster`, 'serve', '--install-service', '--listen', LISTEN];
    const would = await host.run([...install, '--check']);
    assert.match(would, /^would make the system user muster$/m);
    assert.equal(await listed(host, ...TRACES, '/var/lib/muster'), '', 'a check changes nothing');

    await host.run(install);
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
    await host.run(install);
    assert.equal(JSON.parse(await host.run(['muster', 'status', '--json'])).fleetId, fleetId);
  });
});
