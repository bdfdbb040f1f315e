import assert from 'node:assert/strict';
import { test } from 'node:test';
import { givenBy, localUrl } from '../../../controller/cli/service-command.ts';
import { stage as command } from './command-stage.ts';

test('what cannot be meant is wrong use, before anything of the machine is looked at', async (t) => {
  const table: [argv: string[], message: RegExp][] = [
    [['--install-service'], /a service is installed by root/],
    [['--uninstall-service'], /a service is installed by root/],
    [['--install-service', '--uninstall-service'], /exclude each other/],
    [['--uninstall-service', '--listen', '0.0.0.0:1'], /takes no settings/],
    [['--uninstall-service', '--home', '/srv'], /takes no settings/],
    [['--home', '/srv'], /--home goes with --install-service/],
    [['--check'], /--check goes with --install-service/],
    [['--json'], /--json goes with --install-service/],
  ];
  for (const [argv, message] of table) {
    const { muster, err } = await command(t, {});
    assert.equal(await muster('serve', ...argv), 2, argv.join(' '));
    assert.match(err(), message, argv.join(' '));
  }
});

test('flags become the variables of the table; what would be a line of its own does not', () => {
  assert.deepEqual(givenBy({ urls: ['https://a:1', 'https://b:2'], keepJobsMs: '90d' }), {
    MUSTER_SERVE_URLS: 'https://a:1,https://b:2',
    MUSTER_SERVE_KEEP_JOBS: '90d',
  });
  assert.throws(
    () => givenBy({ listen: '0.0.0.0:1\nLD_PRELOAD=/tmp/x' }),
    /--listen holds a control character/,
  );
});

test('it is asked on this machine, whatever it listens on', () => {
  const table: [host: string, url: string][] = [
    ['0.0.0.0', 'https://127.0.0.1:7443'],
    ['::', 'https://[::1]:7443'],
    ['10.0.0.7', 'https://10.0.0.7:7443'],
    ['fd00::7', 'https://[fd00::7]:7443'],
  ];
  for (const [host, url] of table) assert.equal(localUrl({ host, port: 7443 }), url);
});
