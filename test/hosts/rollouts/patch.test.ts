/** A patch carried through eight real machines by the real command line, on good days and on bad ones. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { RolloutDetail, RolloutReport } from '../../../controller/api/contract.ts';
import { type Finished, startFleet, type TestFleet } from '../../e2e/fleet.ts';
import { until } from '../../support/until.ts';
import { APT_NEEDS, type AptHost, type AptHosts, aptHosts } from '../packages/apt-hosts.ts';

const NAMES = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'h7', 'h8'];
const OVER_MS = 90_000;

describe('a patch rolled out to eight hosts', APT_NEEDS, () => {
  const ends: (() => unknown)[] = [];
  let fleet: TestFleet;
  let apt: AptHosts;
  let hosts: AptHost[];
  before(async () => {
    const t = { after: (fn: () => unknown) => void ends.push(fn) };
    fleet = await startFleet(t);
    apt = await aptHosts(t, fleet);
    apt.repository.publish('stable', [apt.catalogue.deb('app', '1'), apt.catalogue.deb('app', '2')]);
    hosts = await Promise.all(NAMES.map((name) => apt.start(name, apt.catalogue.all('1', 'app'))));
  });
  after(async () => {
    for (const end of ends.reverse()) await end();
  });

  const fileOf = (name: string): string => join(fleet.folder, name);
  /** What hosts wrote outside of all that is tested, in order. */
  const told = (name: string): string[] =>
    existsSync(fileOf(name)) ? readFileSync(fileOf(name), 'utf8').trimEnd().split('\n') : [];
  const versions = async (): Promise<(string | undefined)[]> =>
    Promise.all(hosts.map((host) => host.version('app')));
  /** How often dpkg itself says that it brought app to this version on each host. */
  const changesTo = async (version: string): Promise<number[]> =>
    Promise.all(
      hosts.map(async (host) => {
        const log = await host.run(['cat', '/var/log/dpkg.log']);
        return log.split('\n').filter((line) => new RegExp(` upgrade app:all \\S+ ${version}$`).test(line))
          .length;
      }),
    );

  async function plan(name: string, ...more: string[]): Promise<void> {
    const { status, stderr } = await fleet.muster([
      'patch',
      'plan',
      '-t',
      'all',
      '--only',
      'app',
      '-o',
      fileOf(name),
      ...more,
    ]);
    assert.equal(status, 0, stderr);
  }

  const rolloutFile = (name: string, text: string): string => {
    writeFileSync(fileOf(name), text);
    return fileOf(name);
  };

  /** Says before and after each change, outside, which host is at it. */
  const drained = (into: string): string => `
pre:
  - shell: echo "$(hostname) drain" >>${fileOf(into)}
post:
  - shell: echo "$(hostname) undrain" >>${fileOf(into)}
`;

  async function detailOf(name: string): Promise<RolloutDetail> {
    return fleet.json<RolloutDetail>(['rollout', 'show', name, '--json']);
  }

  const phases = ({ hostDetails }: RolloutDetail): Record<string, string> =>
    Object.fromEntries(hostDetails.map(({ agent, phase }) => [agent, phase]));

  test('goes in waves, never on more hosts at once than it may, and through the death of its controller', async () => {
    await plan('two.json');
    const file = rolloutFile(
      'two.yaml',
      `name: two
change: { plan: two.json }
waves: [{ canary: 1 }, 25%, rest]
max-unavailable: 2
probes:
  - { name: healthy, shell: app health }
${drained('two.told')}`,
    );
    const started = await fleet.muster(['rollout', 'start', '-f', file, '--detach']);
    assert.equal(started.status, 0, started.stderr);
    await until('the second wave is at work', () => told('two.told').length >= 4, OVER_MS);
    await fleet.stopController('SIGKILL');
    await fleet.startController();
    const watched = await fleet.muster(['rollout', 'watch', 'two']);
    assert.equal(watched.status, 0, watched.stdout + watched.stderr);
    assert.deepEqual(
      await versions(),
      NAMES.map(() => '2'),
    );
    assert.deepEqual(
      await changesTo('2'),
      NAMES.map(() => 1),
      'each was changed once',
    );
    assertWaves(told('two.told'));
  });

  /** Each host drained and undrained once, the canary alone first, and never more than two between the two. */
  function assertWaves(lines: readonly string[]): void {
    const open = new Set<string>();
    const seen: string[] = [];
    for (const line of lines) {
      const [host = '', what] = line.split(' ');
      if (what === 'drain') {
        seen.push(host);
        open.add(host);
      } else assert.ok(open.delete(host), line);
      assert.ok(open.size <= 2, lines.join(', '));
    }
    assert.equal(open.size, 0);
    assert.deepEqual([...seen].sort(), NAMES);
    assert.equal(lines[1], `${lines[0]?.split(' ')[0]} undrain`, 'the canary was over before the next began');
  }

  test('brings the canary back to exactly the version before where its probe fails, and touches nobody else', async () => {
    apt.repository.add('stable', ...apt.catalogue.all('3', 'app'));
    await plan('three.json');
    const file = rolloutFile(
      'three.yaml',
      `name: three
change: { plan: three.json }
waves: [{ canary: 1 }, rest]
max-unavailable: 4
probes:
  - { name: healthy, shell: app health, of: 1, within: 2s }
${drained('three.told')}`,
    );
    const ended = await fleet.muster(['rollout', 'start', '-f', file]);
    assert.equal(ended.status, 1, ended.stdout + ended.stderr);
    const detail = await detailOf('three');
    assert.equal(detail.state, 'stopped');
    assert.deepEqual(detail.counts, { reverted: 1, waiting: 7 });
    assert.deepEqual(
      await versions(),
      NAMES.map(() => '2'),
    );
    assert.equal(
      (await changesTo('3')).reduce((sum, count) => sum + count),
      1,
    );
    assert.deepEqual(
      told('three.told').map((line) => line.split(' ')[1]),
      ['drain', 'undrain'],
    );
    assert.match(ended.stdout + ended.stderr, /1 host reverted .*app health did not hold/);
    assert.equal((await fleet.muster(['rollout', 'abort', 'three'])).status, 0);
    const report = await fleet.muster(['rollout', 'report', 'three']);
    assert.match(report.stdout, /\| app \| \S+ \| 2 \| 3 \| 2 \|/);
  });

  test('brings all hosts back where a later one fails and that is asked for', async () => {
    await hosts[5]?.run(['touch', '/etc/unfit']);
    await plan('all.json');
    const file = rolloutFile(
      'all.yaml',
      `name: all back
change: { plan: all.json }
waves: [{ hosts: "h1,h2" }, { hosts: h6 }, rest]
max-unavailable: 2
on-failure: all
probes:
  - { name: fit, shell: test ! -e /etc/unfit, of: 1, within: 2s }
`,
    );
    const ended = await fleet.muster(['rollout', 'start', '-f', file]);
    assert.equal(ended.status, 1, ended.stdout + ended.stderr);
    const detail = await detailOf('all back');
    assert.deepEqual(phases(detail), {
      ...Object.fromEntries(NAMES.map((name) => [name, 'skipped'])),
      ...{ h1: 'reverted', h2: 'reverted', h6: 'reverted' },
    });
    assert.deepEqual(
      await versions(),
      NAMES.map(() => '2'),
    );
    assert.equal(detail.state, 'rolled-back');
  });

  test('leaves a host alone whose packages moved, and one that is rolled back by hand gets its version again', async () => {
    await hosts[5]?.run(['rm', '/etc/unfit']);
    await plan('hand.json');
    await hosts[7]?.run(['apt-get', '-y', '--allow-downgrades', 'install', 'app=1']);
    const applied = await fleet.muster([
      'patch',
      'apply',
      '--plan',
      fileOf('hand.json'),
      '--max-unavailable',
      '4',
      '--name',
      'hand',
    ]);
    assert.equal(applied.status, 1, applied.stdout + applied.stderr);
    assert.match(applied.stdout + applied.stderr, /1 host drifted/);
    assert.equal(phases(await detailOf('hand')).h8, 'drifted');
    assert.deepEqual(await versions(), ['3', '3', '3', '3', '3', '3', '3', '1']);
    const back: Finished = await fleet.muster([
      'rollout',
      'rollback',
      'hand',
      '-t',
      'h1,h2',
      '--reason',
      'slow',
      '--watch',
    ]);
    assert.deepEqual(await versions(), ['2', '2', '3', '3', '3', '3', '3', '1'], back.stdout + back.stderr);
    const report = await fleet.json<RolloutReport>(['rollout', 'report', 'hand', '--json']);
    assert.ok(
      report.events.some(
        ({ what, by, reason }) => what === 'rollback' && by === 'admin' && reason === 'slow',
      ),
    );
  });

  test('refuses a plan that somebody edited', async () => {
    const text = readFileSync(fileOf('hand.json'), 'utf8').replace('"to":"3"', '"to":"2"');
    writeFileSync(fileOf('edited.json'), text);
    assert.notEqual(text, readFileSync(fileOf('hand.json'), 'utf8'));
    const { status, stderr } = await fleet.muster(['patch', 'apply', '--plan', fileOf('edited.json')]);
    assert.equal(status, 2);
    assert.match(stderr, /digest|edited/);
  });
});
