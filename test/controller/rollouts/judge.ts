/** What is promised of a rollout, counted anew from its hosts at each step: of what the product counts nothing is used here. */
import assert from 'node:assert/strict';
import type { Decision } from '../../../controller/rollouts/reconcile.ts';
import type { Host, Rollout, Wave } from '../../../controller/rollouts/rollout.ts';

const AT_WORK = ['pre', 'change', 'check', 'post', 'undo', 'restore'];
const isAtWork = ({ phase }: Host): boolean => AT_WORK.includes(phase);
const isBroken = ({ phase, step }: Host): boolean =>
  phase === 'lost' || (phase === 'failed' && step !== null);
const isHeld = (wave: Wave | undefined): boolean => wave?.state === 'approval' || wave?.state === 'passed';
const HOUR_MS = 3_600_000;

export function createJudge(start: Rollout) {
  const { policy } = start;
  const given = new Set<string>();
  /** Came back after an operator had gone on without them. */
  const returned = new Set<string>();
  /** Of whom nothing was known when it ended: word that comes later begins nothing. */
  const lostAtEnd = new Set<string>();
  const soaking = new Set<number>();
  /** Those in spite of whom an operator went on. What becomes of them later is not meant by that. */
  const pardoned = new Set<string>();
  /** Who said of which wave that it may pass. */
  const approvals = new Map<number, string>();
  const isUnavailable = (host: Host): boolean => isAtWork(host) || (isBroken(host) && !pardoned.has(host.id));
  const isFailure = (host: Host): boolean =>
    !pardoned.has(host.id) && (host.phase === 'lost' || host.verdict === 'failed');

  /** An operator went on without those that had failed, or were to be brought back: of these hosts, or of all. */
  function wentOn(rollout: Rollout, ids?: ReadonlySet<string>): void {
    for (const host of rollout.hosts) {
      if (ids !== undefined && !ids.has(host.id)) continue;
      if (host.phase === 'lost' || host.phase === 'reverted' || host.verdict !== null || host.back)
        pardoned.add(host.id);
    }
  }

  function approved({ waves }: Rollout, by: string): void {
    const wave = waves.find(({ state }) => state !== 'passed');
    if (wave !== undefined) approvals.set(wave.index, by);
  }

  /** Something became of it that nobody knew when it was gone on without. */
  function isNews(old: Host | undefined, host: Host): boolean {
    if (host.phase === old?.phase || old?.phase === 'lost') return false;
    return isBroken(host) || (host.verdict === 'failed' && old?.verdict !== 'failed');
  }

  function judge(before: Rollout, { rollout, turns }: Decision, nowMs: number): void {
    const was = new Map(before.hosts.map((host) => [host.id, host]));
    const is = new Map(rollout.hosts.map((host) => [host.id, host]));
    for (const { hostId, step } of turns) {
      assert.ok(!given.has(`${hostId} ${step}`), `${hostId} is given ${step} twice`);
      given.add(`${hostId} ${step}`);
      if (step === 'soak') continue;
      assert.equal(
        is.get(hostId)?.phase,
        step,
        `${hostId} is given ${step} and is not written as being at it`,
      );
    }
    for (const host of rollout.hosts) {
      const old = was.get(host.id);
      if (isNews(old, host)) pardoned.delete(host.id);
      if (old?.phase === 'lost' && pardoned.has(host.id) && isAtWork(host)) returned.add(host.id);
      if (!isAtWork(host)) returned.delete(host.id);
      const entered = isAtWork(host) && (old?.phase !== host.phase || old.step !== host.step);
      assert.ok(
        !entered || turns.some(({ hostId }) => hostId === host.id),
        `${host.name} is at ${host.phase} without a turn`,
      );
    }
    for (const wave of rollout.waves)
      if (wave.state === 'soaking' && !soaking.has(wave.index)) {
        soaking.add(wave.index);
        assert.equal(wave.soakUntilMs, nowMs + wave.gate.soakMs);
      }
    if (before.state !== rollout.state && rollout.state === 'rolled-back')
      for (const host of rollout.hosts) if (host.phase === 'lost') lostAtEnd.add(host.id);
    for (const wave of rollout.waves)
      if (isHeld(wave) && !isHeld(before.waves[wave.index])) soaked(rollout, wave, nowMs);
    const atWork = rollout.hosts.filter(isAtWork).length;
    assert.ok(
      atWork <= policy.maxUnavailable + returned.size,
      `${atWork} are at work, ${policy.maxUnavailable} may be`,
    );
    const changing = rollout.hosts.filter(({ phase }) => phase === 'change').length;
    assert.ok(changing <= policy.maxUnavailable, `${changing} are changed, ${policy.maxUnavailable} may be`);

    const begun = rollout.hosts.filter((host) => was.get(host.id)?.phase === 'waiting' && isAtWork(host));
    // One whose own soak failed is broken already: to bring it back takes nobody more away.
    const taken = rollout.hosts.filter(
      (host) => was.get(host.id)?.phase === 'done' && host.phase === 'undo' && host.verdict !== 'failed',
    );
    if (begun.length + taken.length > 0) {
      const unavailable = rollout.hosts.filter(isUnavailable).length;
      assert.ok(
        unavailable <= policy.maxUnavailable,
        `${unavailable} are unavailable as another begins, ${policy.maxUnavailable} may be`,
      );
    }
    for (const host of begun) mayBegin(before, rollout, host, nowMs);
  }

  /** Held to it as it leaves its soak behind: a clock that is set back later does not undo that. */
  function soaked(rollout: Rollout, { index, name, gate, soakUntilMs }: Wave, nowMs: number): void {
    const isDone = rollout.hosts.some(({ wave, phase }) => wave === index && phase === 'done');
    if (gate.soakMs === 0 || !isDone) return;
    assert.ok(soaking.has(index) && soakUntilMs !== null && nowMs >= soakUntilMs, `${name} did not soak`);
  }

  function mayBegin(before: Rollout, rollout: Rollout, host: Host, nowMs: number): void {
    assert.equal(rollout.state, 'running', `${host.name} begins while the rollout is ${rollout.state}`);
    const failures = rollout.hosts.filter(isFailure);
    assert.ok(failures.length <= policy.maxFailures, `${host.name} begins after ${failures.length} failed`);
    assert.ok(nowMs < policy.expiresAtMs, `${host.name} begins after the orders expired`);
    const hour = (((nowMs % (24 * HOUR_MS)) + 24 * HOUR_MS) % (24 * HOUR_MS)) / HOUR_MS;
    if (policy.windows.length > 0)
      assert.ok(hour >= 22 || hour < 4, `${host.name} begins at ${hour}, outside of the window`);
    if (policy.freezes.length > 0)
      assert.ok(
        nowMs < Date.UTC(2026, 10, 28, 23) || nowMs >= Date.UTC(2026, 10, 29, 3),
        `${host.name} begins in a freeze`,
      );
    for (const wave of rollout.waves.slice(0, host.wave)) held(before, rollout, wave, nowMs);
  }

  function held(before: Rollout, rollout: Rollout, wave: Wave, nowMs: number): void {
    // What it passed by is held to this once, as it does.
    if (before.waves[wave.index]?.state === 'passed' && rollout.waves[wave.index + 1]?.beganAtMs !== nowMs)
      return;
    const hosts = rollout.hosts.filter((host) => host.wave === wave.index);
    assert.equal(wave.state, 'passed', `${wave.name} has not passed`);
    if (before.waves[wave.index + 1]?.state === 'waiting')
      for (const host of hosts)
        assert.ok(
          host.phase !== 'waiting' && (!isAtWork(host) || returned.has(host.id)),
          `${host.name} is at ${host.phase} as the next wave begins`,
        );
    const { approval, successPercent } = wave.gate;
    const by = approvals.get(wave.index);
    if (approval !== 'nobody') assert.ok(by !== undefined, `${wave.name} has no approval`);
    assert.equal(wave.approvedBy, by ?? null, `${wave.name} is written as approved by somebody else`);
    if (approval === 'not-starter')
      assert.notEqual(by, start.starter, `${wave.name} was approved by who started it`);
    const done = hosts.filter(({ phase }) => phase === 'done').length;
    const count = hosts.filter(
      (host) => host.phase === 'done' || (host.phase !== 'skipped' && !pardoned.has(host.id)),
    ).length;
    if (successPercent !== null && before.waves[wave.index]?.state !== 'passed')
      assert.ok(done * 100 >= successPercent * count, `${wave.name} passed with ${done} of ${count}`);
  }

  function atEnd(rollout: Rollout): void {
    assert.ok(!rollout.hosts.some(isAtWork), 'it ends while hosts are at work');
    assert.ok(!rollout.hosts.some(({ phase }) => phase === 'waiting'), 'it ends while hosts wait');
    if (rollout.state !== 'rolled-back') return;
    const left = rollout.hosts.filter(
      (host) =>
        host.back &&
        !lostAtEnd.has(host.id) &&
        (host.phase === 'done' || host.phase === 'failed') &&
        host.changed !== false &&
        host.wayBack &&
        policy.steps.includes('undo') &&
        !given.has(`${host.id} undo`),
    );
    assert.deepEqual(
      left.map(({ name }) => name),
      [],
      'it is rolled back, and these are not',
    );
  }

  return { judge, wentOn, approved, atEnd };
}
