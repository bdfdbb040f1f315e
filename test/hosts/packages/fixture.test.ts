import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startFleet } from '../../e2e/fleet.ts';
import { APT_NEEDS, aptHosts } from './apt-hosts.ts';

describe('hosts with apt and one repository', APT_NEEDS, () => {
  test('see what the test publishes, and upgrade from it', async (t) => {
    const fleet = await startFleet(t);
    const { repository, catalogue, start } = await aptHosts(t, fleet);
    repository.publish('stable', catalogue.all('2', 'app', 'web', 'lib'));
    repository.add('stable', ...catalogue.all('1', 'web-data'));
    repository.publish('stable-security', [catalogue.deb('exposed', '1+deb12u1')]);
    const installed = catalogue.all('1', 'app', 'web', 'lib', 'exposed');
    const [one, two] = await Promise.all([start('one', installed), start('two', installed)]);
    await one.run(['apt-get', 'update']);
    const said = await one.run(['apt-get', '-s', 'dist-upgrade']);
    assert.match(said, /^Inst exposed \[1\] \(1\+deb12u1 Debian-Security:12\/stable-security \[all\]\)$/m);
    await one.run(['apt-get', '-y', 'dist-upgrade']);
    assert.deepEqual([await one.version('app'), await two.version('app')], ['2', '1']);
    assert.equal(await one.version('web-data'), '1');
  });
});
