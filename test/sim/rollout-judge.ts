import type { Central } from './central.ts';
import type { Oracle, Performance } from './oracle.ts';
import type { Plan, Rolled, Rollouts } from './rollouts.ts';
import type { Scheduler } from './scheduler.ts';
import { Violation } from './verdict.ts';

/** Promise 17, of rollouts: by what programs did, and by what the store says at each commit. Of what the product counts nothing is used. */
export interface RolloutJudge {
  started(performance: Performance): void;
  committed(): void;
  isSettled(): boolean;
  conclude(): void;
}

export interface RolloutJudgePorts {
  readonly scheduler: Scheduler;
  readonly central: Central;
  readonly rollouts: Rollouts;
  readonly oracle: Oracle;
  putBacks(): number;
}

interface RolloutRow {
  id: string;
  name: string;
  state: string;
  ended_at_ms: number | null;
}

interface HostRow {
  rollout_id: string;
  agent_id: string;
  agent_name: string;
  wave: number;
  phase: string;
  step: string | null;
  verdict: string | null;
  forgiven: number;
}

interface WaveRow {
  rollout_id: string;
  wave: number;
  state: string;
}

const AT_WORK: ReadonlySet<string> = new Set(['pre', 'change', 'check', 'post', 'undo', 'restore']);
const isAtWork = ({ phase }: HostRow): boolean => AT_WORK.has(phase);
const isLeft = ({ phase, step }: HostRow): boolean =>
  phase === 'lost' || (phase === 'failed' && step !== null);

export function createRolloutJudge(ports: RolloutJudgePorts): RolloutJudge {
  const { scheduler, central, rollouts, oracle } = ports;
  let seen = 0;
  let hostsBefore = new Map<string, HostRow>();
  let wavesBefore = new Map<string, WaveRow>();
  /** Came back after an operator had gone on without them. */
  const returned = new Set<string>();
  const soakedSinceMs = new Map<string, number>();
  let storeOf = 0;

  const fail = (what: string): never => {
    throw new Violation(17, what);
  };
  const all = <Row>(sql: string, ...given: (string | number)[]): Row[] =>
    central.disk.eye.prepare(sql).all(...given) as unknown as Row[];
  const planNamed = (name: string): Plan | undefined => rollouts.plans.find((plan) => plan.name === name);
  const rows = (): RolloutRow[] => all('select id, name, state, ended_at_ms from rollouts');
  /** Nothing was restored since it was asked for: the store knows all of it. */
  const isWhole = (plan: Plan): boolean => plan.putBacks === ports.putBacks();
  const done = (plan: Plan, host: string, step: Rolled): Performance[] =>
    oracle.performances.filter((one) => one.host === host && one.token === `${plan.name}.${step}`);
  const wentWell = (plan: Plan, host: string, step: Rolled): boolean =>
    done(plan, host, step).some(({ end }) => end?.exitCode === 0);

  function checkStart(performance: Performance): void {
    const { host, token, jobId } = performance;
    const about = rollouts.stepOf(token);
    if (!about) return;
    const { plan, step } = about;
    const twice = done(plan, host, step).find(
      (one) => one !== performance && (one.jobId === jobId || step !== 'post'),
    );
    if (twice) fail(`${host} starts ${token} twice`);
    if (step === 'change' && plan.body.pre && !wentWell(plan, host, 'pre'))
      fail(`${host} is changed by ${plan.name}, and is not drained`);
    if (step === 'undo' && wentWell(plan, host, 'post') && rowOf(plan, host)?.phase === 'done')
      fail(`${host} is brought back by ${plan.name} while it is done`);
    const atOnce = hostsAtChange(plan);
    if (step === 'change' && atOnce.length > plan.maxUnavailable && isWhole(plan))
      fail(`${plan.name} changes ${atOnce.join(' ')} at once, and ${plan.maxUnavailable} may be`);
    if (!isWhole(plan)) return;
    const row = rowOf(plan, host);
    if (!row) return fail(`${host} starts ${token}, and ${plan.name} is not in the store`);
    const stored = step === 'post' ? ['post', 'restore'] : [step];
    if (row.phase !== 'lost' && !stored.includes(row.phase))
      fail(`${host} starts ${token}, and is stored as ${row.phase}`);
    if (step !== 'pre' && step !== 'change') return;
    const before = all<WaveRow>(
      'select rollout_id, wave, state from rollout_waves where rollout_id = ?',
      row.rollout_id,
    );
    const open = before.find(({ wave, state }) => wave < row.wave && state !== 'passed');
    if (open) fail(`${host} starts ${token} in wave ${row.wave} while wave ${open.wave} is ${open.state}`);
  }

  /** Whose change runs now, but for those that are lost: an operator may have gone on without them. */
  function hostsAtChange(plan: Plan): string[] {
    return plan.hosts.filter(
      (host) =>
        done(plan, host, 'change').some(({ end, unseen }) => end === undefined && !unseen) &&
        rowOf(plan, host)?.phase !== 'lost',
    );
  }

  function rowOf(plan: Plan, host: string): HostRow | undefined {
    const [row] = all<HostRow>(
      'select h.* from rollout_hosts h join rollouts r on r.id = h.rollout_id where r.name = ? and h.agent_name = ?',
      plan.name,
      host,
    );
    return row;
  }

  function checkCommit(): void {
    if (rollouts.plans.length === 0) return;
    // Another store begins to be told from where it stands.
    const isOther = storeOf !== ports.putBacks();
    storeOf = ports.putBacks();
    const [newest] = all<{ seq: number | null }>('select max(seq) as seq from rollout_events');
    const seq = newest?.seq ?? 0;
    if (seq === seen && !isOther) return;
    const said = all<{ rollout_id: string; what: string }>(
      'select rollout_id, what from rollout_events where seq > ?',
      seen,
    );
    seen = seq;
    const hosts = all<HostRow>('select * from rollout_hosts');
    const waves = all<WaveRow>('select rollout_id, wave, state from rollout_waves');
    for (const { id, name, state } of rows()) {
      const plan = planNamed(name);
      if (!plan || isOther || !isWhole(plan)) continue;
      const told = new Set(said.filter((one) => one.rollout_id === id).map(({ what }) => what));
      const own = hosts.filter((host) => host.rollout_id === id);
      checkHosts(plan, state, own, told);
      checkWaves(
        plan,
        own,
        waves.filter((wave) => wave.rollout_id === id),
      );
    }
    hostsBefore = new Map(hosts.map((host) => [keyOf(host), host]));
    wavesBefore = new Map(waves.map((wave) => [`${wave.rollout_id} ${wave.wave}`, wave]));
  }

  function checkHosts(plan: Plan, state: string, hosts: readonly HostRow[], told: ReadonlySet<string>): void {
    const { name, maxUnavailable, maxFailures } = plan;
    const was = (host: HostRow): HostRow | undefined => hostsBefore.get(keyOf(host));
    for (const host of hosts) {
      const before = was(host);
      if (!isAtWork(host)) returned.delete(keyOf(host));
      else if (before?.phase === 'lost' && before.forgiven === 1) returned.add(keyOf(host));
      if (host.forgiven === 1 && before?.forgiven === 0 && !told.has('resumed') && !told.has('rollback'))
        fail(`${name} goes on without ${host.agent_name}, and nobody said so`);
    }
    const back = hosts.filter((host) => returned.has(keyOf(host))).length;
    const atWork = hosts.filter(isAtWork);
    if (atWork.length > maxUnavailable + back)
      fail(`${name} has ${namesOf(atWork)} at work, and ${maxUnavailable} may be`);
    const begun = hosts.filter((host) => (was(host)?.phase ?? 'waiting') === 'waiting' && isAtWork(host));
    if (begun.length === 0) return;
    const away = hosts.filter((host) => isAtWork(host) || (isLeft(host) && host.forgiven === 0));
    if (away.length > maxUnavailable)
      fail(`${name} begins ${namesOf(begun)} with ${namesOf(away)} away, and ${maxUnavailable} may be`);
    const failed = hosts.filter(
      (host) => host.forgiven === 0 && (host.phase === 'lost' || host.verdict === 'failed'),
    );
    if (failed.length > maxFailures)
      fail(`${name} begins ${namesOf(begun)} after ${namesOf(failed)} failed, and ${maxFailures} may`);
    if (state !== 'running' || plan.isPaused)
      fail(`${name} begins ${namesOf(begun)} while it is ${plan.isPaused ? 'paused' : state}`);
  }

  function checkWaves(plan: Plan, hosts: readonly HostRow[], waves: readonly WaveRow[]): void {
    for (const wave of waves) {
      const key = `${wave.rollout_id} ${wave.wave}`;
      const before = wavesBefore.get(key)?.state;
      if (wave.state === before) continue;
      if (wave.state === 'soaking' && !soakedSinceMs.has(key)) soakedSinceMs.set(key, scheduler.nowMs);
      const own = hosts.filter((host) => host.wave === wave.wave);
      if (wave.state !== 'passed' && wave.state !== 'approval') continue;
      if (own.some((host) => host.phase === 'waiting'))
        fail(`wave ${wave.wave} of ${plan.name} is ${wave.state} while hosts of it wait`);
      checkSoak(plan, wave, own, key);
      const isLast = wave.wave === waves.length - 1;
      if (wave.state !== 'passed' || isLast || plan.approval === 'nobody') continue;
      const by = plan.approvals.filter((one) => one.wave === wave.wave).map((one) => one.by);
      if (!by.some((who) => plan.approval === 'anybody' || who !== plan.starter))
        fail(`wave ${wave.wave} of ${plan.name} passes, and nobody approved it who may`);
    }
  }

  function checkSoak(
    { name, soakMs }: Plan,
    { wave }: WaveRow,
    hosts: readonly HostRow[],
    key: string,
  ): void {
    if (soakMs === 0 || !hosts.some(({ phase }) => phase === 'done')) return;
    const sinceMs = soakedSinceMs.get(key) ?? scheduler.nowMs;
    // Until when it soaks is wall time, so that it goes on after a restart.
    if (central.machine.steps.some(({ atMs }) => atMs >= sinceMs)) return;
    const soakedMs = scheduler.nowMs - sinceMs;
    if (soakedMs < soakMs - SLACK_MS)
      fail(`wave ${wave} of ${name} passes after ${Math.round(soakedMs)} ms, and was to soak for ${soakMs}`);
  }

  function checkEnd(plan: Plan, host: HostRow): void {
    const { agent_name: name, phase } = host;
    const where = `${plan.name} says that ${name} is ${phase}`;
    const [pre, change, undo] = (['pre', 'change', 'undo'] as const).map(
      (step) => done(plan, name, step).length,
    );
    if (phase === 'done') {
      if (!wentWell(plan, name, 'change')) fail(`${where}, and it was not changed`);
      if (plan.body.post && !wentWell(plan, name, 'post')) fail(`${where}, and it is drained`);
      if (undo !== 0) fail(`${where}, and it was brought back`);
    }
    if ((phase === 'skipped' || phase === 'waiting') && pre !== 0) fail(`${where}, and it was drained`);
    if ((phase === 'skipped' || phase === 'waiting') && change !== 0) fail(`${where}, and it was changed`);
    if (phase === 'reverted' && change !== 0 && !wentWell(plan, name, 'undo'))
      fail(`${where}, and its change was not taken back`);
  }

  return {
    started: checkStart,
    committed: checkCommit,
    isSettled: () => rows().every((row) => row.ended_at_ms !== null),
    conclude() {
      for (const { id, name, state, ended_at_ms } of rows()) {
        const plan = planNamed(name);
        if (ended_at_ms === null) fail(`${name} is ${state}, and never ends`);
        if (!plan || !isWhole(plan)) continue;
        for (const host of all<HostRow>('select * from rollout_hosts where rollout_id = ?', id))
          checkEnd(plan, host);
      }
    },
  };
}

/** Until when it soaks is decided before that is stored, which may take so long; and clocks drift. */
const SLACK_MS = 400;

const keyOf = ({ rollout_id, agent_id }: HostRow): string => `${rollout_id} ${agent_id}`;
const namesOf = (hosts: readonly HostRow[]): string => hosts.map((host) => host.agent_name).join(' ');
