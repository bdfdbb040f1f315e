/** Rollouts by real processes: gates, operators, and two that want the same hosts. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { RolloutDetail } from '../../controller/api/contract.ts';
import { until } from '../support/until.ts';
import { type AgentHandle, startFleet, type TestFleet } from './fleet.ts';

const NAMES = ['a1', 'a2', 'a3', 'a4'];

describe('a rollout', () => {
  const ends: (() => unknown)[] = [];
  let fleet: TestFleet;
  let agents: AgentHandle[];
  let told = '';
  before(async () => {
    fleet = await startFleet({ after: (fn) => void ends.push(fn) });
    agents = await Promise.all(NAMES.map((name) => fleet.agent(name)));
    told = join(fleet.folder, 'told');
  });
  after(async () => {
    for (const end of ends.reverse()) await end();
  });

  const at = (name: string): string => join(fleet.folder, name);
  const lines = (): string[] =>
    existsSync(told) ? readFileSync(told, 'utf8').split('\n').filter(Boolean) : [];
  const detail = (name: string) => fleet.json<RolloutDetail>(['rollout', 'show', name, '--json']);
  const reaches = (name: string, state: string) =>
    until(`${name} is ${state}`, async () => (await detail(name)).state === state, 30_000);

  /** Starts one of a bundle that notes each change, and leaves it running. */
  async function begin(name: string, more: object, line = 'true'): Promise<void> {
    rmSync(told, { force: true });
    writeFileSync(
      at(`${name}.bundle.yaml`),
      JSON.stringify({ tasks: [{ shell: `echo change >>${told}; ${line}` }] }),
    );
    const file = {
      ...{ name, targets: 'all', change: { bundle: `${name}.bundle.yaml` }, 'without-way-back': 'go-on' },
      ...more,
    };
    writeFileSync(at(`${name}.yaml`), JSON.stringify(file));
    const { status, stderr } = await fleet.muster(['rollout', 'start', '-f', at(`${name}.yaml`), '--detach']);
    assert.equal(status, 0, stderr);
  }

  test('whose probes stop holding while its canary soaks goes no further', async () => {
    const open = createServer((_, response) => response.end('well')).listen(0, '127.0.0.1');
    ends.push(() => open.close());
    await once(open, 'listening');
    const { port } = open.address() as AddressInfo;
    const probe = {
      name: 'answers',
      http: `http://127.0.0.1:${port}/`,
      every: '100ms',
      timeout: '1s',
      within: '2s',
    };
    await begin('soak', { waves: [{ canary: 1, gate: { soak: '30s' } }, 'rest'], probes: [probe] });
    await until('it soaks', async () => (await detail('soak')).waveDetails[0]?.state === 'soaking', 20_000);
    open.close();
    open.closeAllConnections();
    await reaches('soak', 'stopped');
    assert.deepEqual(lines(), ['change']);
    const { hostDetails, reason } = await detail('soak');
    assert.match(reason ?? '', /1 host failed, and 0 may: a1/);
    assert.equal(hostDetails[0]?.code, 'probe-failed');
    assert.equal((await fleet.muster(['rollout', 'abort', 'soak'])).status, 0);
  });

  test('waits at a gate for somebody else than who started it', async () => {
    await begin('approved', {
      waves: [{ canary: 1, gate: { approval: 'not-starter' } }, 'rest'],
      'max-unavailable': 4,
    });
    await until(
      'it waits',
      async () => (await detail('approved')).waveDetails[0]?.state === 'approval',
      20_000,
    );
    const own = await fleet.muster(['rollout', 'approve', 'approved']);
    assert.equal(own.status, 5, own.stderr);
    assert.deepEqual(lines(), ['change']);
    const added = await fleet.json<{ token: string }>([
      'operator',
      'add',
      'kim',
      '--role',
      'runner',
      '--json',
    ]);
    const context = JSON.parse(readFileSync(join(fleet.home, 'context.json'), 'utf8'));
    const other = join(fleet.folder, 'kim');
    mkdirSync(other);
    writeFileSync(join(other, 'context.json'), JSON.stringify({ ...context, token: added.token }), {
      mode: 0o600,
    });
    const kim = await fleet.muster(['rollout', 'approve', 'approved', '--watch'], {
      env: { MUSTER_HOME: other },
    });
    assert.equal(kim.status, 0, kim.stdout + kim.stderr);
    assert.equal(lines().length, 4);
    assert.match((await fleet.muster(['rollout', 'report', 'approved'])).stdout, /approved by kim/);
  });

  test('has its hosts for itself: another is refused, or waits for them', async () => {
    const go = at('go');
    await begin('first', { 'max-unavailable': 1 }, `until test -e ${go}; do sleep 0.05; done`);
    await until('it is at work', () => lines().length === 1);
    const refused = await fleet.muster(['rollout', 'start', '-f', at('first.yaml'), '--name', 'second']);
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /another rollout has this host: .*a1 \(first\)/);
    const waits = fleet.begin([
      'rollout',
      'start',
      '-f',
      at('first.yaml'),
      '--name',
      'second',
      '--busy',
      'wait',
    ]);
    await until('it waits', async () => (await detail('second').catch(() => undefined))?.state === 'running');
    assert.equal(lines().length, 1);
    assert.equal((await fleet.muster(['rollout', 'pause', 'first'])).status, 0);
    writeFileSync(go, '');
    await until('its host is over', async () => (await detail('first')).counts.done === 1);
    // The host that it let go is the second one's: that is all that may have begun.
    assert.deepEqual((await detail('first')).counts, { done: 1, waiting: 3 });
    const resumed = await fleet.muster(['rollout', 'resume', 'first', '--watch']);
    assert.equal(resumed.status, 0, resumed.stderr);
    const second = await waits.ended;
    assert.equal(second.status, 0, second.stdout + second.stderr);
    assert.equal(lines().length, 8);
  });

  test('that is aborted ends what hosts are at where that is asked for, and leaves the others alone', async () => {
    await begin('aborted', { 'max-unavailable': 1 }, 'sleep 600');
    await until('it is at work', () => lines().length === 1);
    const { status, stderr } = await fleet.muster(['rollout', 'abort', 'aborted', '--cancel', '--watch']);
    assert.equal(status, 1, stderr);
    const { counts, state } = await detail('aborted');
    assert.equal(state, 'aborted');
    assert.equal(counts.skipped, 3);
    assert.equal(lines().length, 1);
  });

  test('goes on without a host that left the fleet, and asks nothing of one that came meanwhile', async () => {
    const go = at('go-on');
    await begin(
      'moving',
      { 'max-unavailable': 1, 'max-failures': 1 },
      `until test -e ${go}; do sleep 0.05; done`,
    );
    await until('it is at work', () => lines().length === 1);
    await agents[3]?.stop();
    const removed = await fleet.muster(['agents', 'remove', 'a4']);
    assert.equal(removed.status, 0, removed.stderr);
    await fleet.agent('a5');
    writeFileSync(go, '');
    await until('it is over', async () => (await detail('moving')).endedAtMs !== null, 30_000);
    const { hostDetails, counts } = await detail('moving');
    assert.deepEqual(
      hostDetails.map(({ agent }) => agent),
      NAMES,
    );
    assert.equal(counts.done, 3);
    assert.equal(lines().length, 3);
  });
});
