import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { RunDetail } from '../../controller/api/job-messages.ts';
import { requires } from '../support/requires.ts';
import { until } from '../support/until.ts';
import { lives, startFleet, type TestFleet } from './fleet.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const GRACE_MS = 300;
/** What is promised: gone within the grace and five seconds. */
const GONE_MS = GRACE_MS + 5_000;
/** What a busy machine may add to everything. */
const SLACK_MS = 10_000;

/** Programs, and from how many pids on they have said everything. */
const PROGRAMS: [string, string, number, { user?: string }?][] = [
  ['has children that ignore TERM', 'forks.sh', 7],
  ['leaves its session and its parents', 'leaves-its-session.sh', 4],
  ['stands still, with its child', 'stopped.sh', 2],
  ['has a grandchild that holds its output', 'stdout-held.sh', 2],
  ['has closed its standard streams', 'nothing-open.sh', 2],
  ['starts itself anew all the time', 'starts-anew.sh', 1],
  ['is a fork bomb', 'fork-bomb.sh', 1, { user: 'nobody' }],
];

/** What its host shows an agent that may not use cgroups. */
const WITHOUT_CGROUPS = [
  ...['unshare', '--mount', 'sh', '-c'],
  'mount -t tmpfs none /sys/fs/cgroup && exec "$@"',
  'sh',
];

describe('the end of a whole process tree', { concurrency: 3 }, () => {
  let fleet: TestFleet;
  const ends: (() => unknown)[] = [];
  before(async () => {
    fleet = await startFleet({ after: (fn) => void ends.push(fn) });
    const flags = ['--parallel-runs', '20'];
    await fleet.agentWith('web-1', { flags });
    if (requires('root', 'mounts').skip === undefined)
      await fleet.agentWith('bare', { flags, by: WITHOUT_CGROUPS });
    chmodSync(fleet.folder, 0o711);
  });
  test.after(async () => {
    for (const end of ends) await end();
  });

  async function begin(name: string, timeoutMs: number, more: object) {
    const folder = mkdtempSync(join(fleet.folder, 'pids-'));
    chmodSync(folder, 0o777);
    const pidFile = join(folder, 'pids');
    const script = { content: readFileSync(join(FIXTURES, name)).toString('base64'), args: [], name };
    const tasks = [{ script }];
    const env = { PIDS: pidFile };
    const body = { targets: 'web-1', tasks, env, timeoutMs, killGraceMs: GRACE_MS, ...more };
    const { job } = await fleet.client.call('jobs.create', { body });
    const pids = (): number[] =>
      existsSync(pidFile) ? readFileSync(pidFile, 'utf8').split('\n').filter(Boolean).map(Number) : [];
    return { job, pids };
  }

  async function ended(job: string, withinMs: number): Promise<RunDetail> {
    return until(
      `job ${job} is over`,
      async () => {
        const { state, runs } = await fleet.client.call('jobs.show', { params: { job } });
        return state === 'over' && runs[0];
      },
      withinMs,
    );
  }

  async function cancelled(name: string, count: number, more: object): Promise<void> {
    const { job, pids } = await begin(name, 60_000, more);
    await until('it has started all', () => pids().length >= count);
    const askedMs = performance.now();
    await fleet.client.call('jobs.cancel', { params: { job }, body: {} });
    const run = await ended(job, GONE_MS + 10_000);
    assert.equal(run.state, 'cancelled', run.reason ?? '');
    assert.ok(performance.now() - askedMs < GONE_MS + SLACK_MS);
    assert.doesNotMatch(run.reason ?? '', /could not be ended/);
    assertGone(job, pids());
  }

  async function containment(agent: string): Promise<unknown> {
    const told = await until(`the facts of ${agent}`, () =>
      fleet.client.call('agents.facts', { params: { agent } }).catch(() => undefined),
    );
    return (told.facts as { containment?: string }).containment;
  }

  test('which way a host has is one of its facts', requires('root', 'mounts'), async () => {
    assert.equal(await containment('bare'), 'process-tree');
    assert.match(String(await containment('web-1')), /^(cgroup[12]|process-tree)$/);
  });

  test('a program that left its session, its parents and its mark is ended where the host has cgroups', async () => {
    // Elsewhere nothing tells whose it is, and docs/guarantees.md says so.
    if ((await containment('web-1')) !== 'process-tree') await cancelled('forgets-its-mark.sh', 2, {});
  });

  function assertGone(job: string, pids: readonly number[]): void {
    assert.deepEqual([...new Set([...pids, ...marked(job)])].filter(lives), []);
  }

  for (const [what, name, count, more = {}] of PROGRAMS) {
    const needs = 'user' in more ? requires('root', 'setpriv') : {};
    test(`a program that ${what} is ended by its timeout, whole`, needs, async () => {
      const { job, pids } = await begin(name, 1_500, more);
      const run = await ended(job, 1_500 + GONE_MS + 10_000);
      assert.equal(run.state, 'timed-out', run.reason ?? '');
      assert.ok(pids().length >= count, `${pids().length} processes were there`);
      assert.ok((run.durationMs ?? 0) <= 1_500 + GONE_MS + SLACK_MS, `${run.durationMs} ms`);
      assertGone(job, pids());
    });

    // Two bombs at once would keep each other from going off: the limit is of their user.
    if ('user' in more) continue;
    test(`a program that ${what} is ended by a cancel, whole`, () => cancelled(name, count, {}));

    test(`a program that ${what} is ended whole where there are no cgroups`, requires('root', 'mounts'), () =>
      cancelled(name, count, { targets: 'bare' }),
    );
  }

  test('afterwards the agent is the same process, and runs the next command', async () => {
    const { stdout, status } = await fleet.muster(['run', '-t', 'web-1', '--', 'echo', 'still here']);
    assert.deepEqual([stdout, status], ['still here\n', 0]);
  });
});

/** Pids that carry a job's mark in their environment. */
function marked(job: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`MUSTER_JOB=${job}`);
      } catch {
        return false;
      }
    });
}
