import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { installStage } from '../controller/installer/install-stage.ts';
import { stage } from '../controller/installer/ssh/stage.ts';
import { difference, filesOf } from './leftovers.ts';
import { SSHD_NEEDS } from './sshd.ts';

describe('an install of one host', { ...SSHD_NEEDS, concurrency: 2 }, () => {
  test('brings the bundle onto a host with a Node, and uninstalling leaves nothing', async (t) => {
    const on = stage(t);
    const [host, { install, fleet }] = await Promise.all([on.hosts.start({ node: true }), installStage(t)]);
    const before = await filesOf(host);
    const connect = () => on.connect(on.destination(host));
    const { result, failure } = await install(connect, { entry: { labels: { role: 'web' } } });
    assert.equal(failure, undefined, failure?.message);
    assert.equal(result?.did, 'installed');
    const [agent] = await fleet.json<{ name: string; online: boolean; labels: object }[]>([
      'agents',
      '--json',
    ]);
    assert.deepEqual([agent?.name, agent?.online, agent?.labels], ['host-0', true, { role: 'web' }]);
    const again = await install(connect);
    assert.equal(again.result?.did, 'unchanged', again.failure?.message);
    await host.run(['/opt/muster-agent/bin/uninstall']);
    assert.deepEqual(difference(before, await filesOf(host)), []);
  });
});
