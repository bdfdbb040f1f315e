import type { RolloutBody, TaskBody } from '../../controller/api/contract.ts';
import type { Actor } from '../../controller/jobs/ports.ts';
import { MusterError } from '../../proto/errors.ts';
import type { Central } from './central.ts';
import type { Dice } from './dice.ts';
import type { Ask } from './operators.ts';
import { type Program, throwProgram } from './program.ts';
import type { Scheduler } from './scheduler.ts';
import type { Story } from './story.ts';

export const ROLLED = ['pre', 'change', 'post', 'undo'] as const;
export type Rolled = (typeof ROLLED)[number];

/** A rollout as it was asked for, and what its operators said of it since. */
export interface Plan {
  readonly name: string;
  readonly body: RolloutBody;
  readonly hosts: readonly string[];
  readonly starter: string;
  readonly maxUnavailable: number;
  readonly maxFailures: number;
  readonly soakMs: number;
  readonly approval: 'nobody' | 'anybody' | 'not-starter';
  /** How often the controller's store had been put back when it was asked for. */
  readonly putBacks: number;
  /** Who was about to let which wave pass. */
  readonly approvals: { readonly wave: number; readonly by: string }[];
  /** A pause was acknowledged, and nobody asked for anything since. */
  isPaused: boolean;
  /** How often anything was said of it. */
  said: number;
}

export interface Rollouts {
  readonly plans: readonly Plan[];
  programOf(token: string, host: string): Program | undefined;
  askOf(token: string): Ask | undefined;
  stepOf(token: string): { readonly plan: Plan; readonly step: Rolled } | undefined;
  start(): void;
  /** Somebody says something of one of them. */
  say(): void;
  /** Helps all of them to their end, as people do in time. */
  tend(): void;
}

export interface RolloutsPorts {
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  readonly story: Story;
  readonly central: Central;
  readonly hosts: readonly string[];
  putBacks(): number;
}

/** So long that what is held for a way back expires while the history still goes on. */
const LIFE_MS = 1_500_000;
/** As jobs have it where nobody says. */
const KILL_GRACE_MS = 10_000;
const ANN: Actor = { name: 'ann', role: 'admin' };
const BOB: Actor = { name: 'bob', role: 'admin' };

/** What the store says of one now. */
interface Row {
  readonly id: string;
  readonly name: string;
  readonly state: string;
}

export function createRollouts(ports: RolloutsPorts): Rollouts {
  const { scheduler, dice, story, central } = ports;
  const plans: Plan[] = [];
  const programs = new Map<string, Program>();
  const steps = new Map<string, { plan: Plan; step: Rolled; ask: Ask }>();

  function think(): Plan {
    const name = `rollout-${plans.length + 1}`;
    const hosts = dice.chance(0.6)
      ? [...ports.hosts]
      : ports.hosts.filter((_, at) => at < 2 || dice.chance(0.5));
    const timeoutMs = Math.round(dice.between(10_000, 90_000));
    const drained = dice.chance(0.6);
    const wanted: readonly Rolled[] = [
      ...(drained ? (['pre', 'post'] as const) : []),
      'change',
      ...(dice.chance(0.8) ? (['undo'] as const) : []),
    ];
    const [soakMs, approval] = [
      dice.chance(0.4) ? Math.round(dice.between(5_000, 40_000)) : 0,
      dice.pick(APPROVALS),
    ];
    const [maxUnavailable, maxFailures] = [1 + dice.below(3), dice.below(3)];
    const task = (step: Rolled): TaskBody => ({ command: { argv: ['/usr/bin/act', `${name}.${step}`] } });
    const tasks = (step: Exclude<Rolled, 'change'>): { [at in 'pre' | 'post' | 'undo']?: TaskBody[] } =>
      wanted.includes(step) ? { [step]: [task(step)] } : {};
    const body: RolloutBody = {
      ...{
        name,
        targets: hosts.join(','),
        withoutWayBack: 'go-on',
        busy: 'wait',
        lifeMs: LIFE_MS,
        timeoutMs,
      },
      change: { kind: 'bundle', title: name, tasks: [task('change')] },
      ...{ ...tasks('pre'), ...tasks('post'), ...tasks('undo') },
      ...(dice.chance(0.8) && { waves: [{ size: '1' }, { rest: true }] }),
      ...(dice.chance(0.4) && {
        probes: [{ name: 'port', from: 'controller', tcp: { host: '{name}', port: 80 } }],
      }),
      gate: { soakMs, approval },
      ...{ maxUnavailable: String(maxUnavailable), maxFailures: String(maxFailures) },
      onFailure: dice.pick(['host', 'wave', 'all', 'none']),
      ttlMs: Math.round(dice.between(5_000, 120_000)),
    };
    const plan: Plan = {
      ...{ name, body, hosts, starter: ANN.name, maxUnavailable, maxFailures, soakMs, approval },
      ...{ putBacks: ports.putBacks(), approvals: [], isPaused: false, said: 0 },
    };
    plans.push(plan);
    for (const step of wanted) {
      const token = `${name}.${step}`;
      for (const host of hosts) programs.set(`${token} ${host}`, performed(token, step));
      steps.set(token, { plan, step, ask: askOf(`${name} ${step}`, plan, token, timeoutMs) });
    }
    return plan;
  }

  /** Most go well, so that most rollouts come far. */
  function performed(token: string, step: Rolled): Program {
    const program = throwProgram(dice, token);
    const isWell = dice.chance(step === 'change' ? 0.8 : 0.93);
    return isWell ? { ...program, exitCode: 0, hangs: false } : program;
  }

  /** Each step is a job, which is held to all that jobs are. Held runs are withdrawn when nothing comes to them any more. */
  function askOf(name: string, { hosts }: Plan, token: string, timeoutMs: number): Ask {
    return {
      ...{
        name,
        hosts,
        timeoutMs,
        request: { targets: hosts.join(','), tasks: [], timeoutMs, ttlMs: LIFE_MS },
      },
      programs: [{ token, steps: [], exitCode: 0, hangs: false, ignoresTerm: false, child: undefined }],
      ...{
        killGraceMs: KILL_GRACE_MS,
        capBytes: 1 << 20,
        attempts: 1,
        batch: undefined,
        maxFailures: undefined,
      },
      ...{
        jobId: undefined,
        ackedMs: undefined,
        cancelledMs: undefined,
        cancelAskedMs: 0,
        isOfTwoJobs: true,
      },
    };
  }

  const rows = (): Row[] =>
    central.disk.eye
      .prepare('select id, name, state from rollouts where ended_at_ms is null order by created_at_ms, name')
      .all() as unknown as Row[];
  const planNamed = (name: string): Plan | undefined => plans.find((plan) => plan.name === name);

  function start(plan: Plan, left: number): void {
    const { controller } = central;
    const again = (why: string): void => {
      story.tell(
        'operator',
        `${plan.name}: ${why}${left > 0 ? '; asks again with the same key' : '; gives up'}`,
      );
      if (left > 0) scheduler.after(dice.between(1_000, 10_000), () => start(plan, left - 1));
    };
    if (!controller) return again('nobody answers');
    let isSettled = false;
    const settle = (fn: () => void): void => {
      if (!isSettled) fn();
      isSettled = true;
    };
    scheduler.after(PATIENCE_MS, () => settle(() => again('no reply came')));
    controller.verbs.rollouts.start(plan.body, ANN, `key-${plan.name}`).then(
      ({ rollout }) =>
        settle(() => story.tell('operator', `${plan.name}: is rollout ${rollout.slice(0, 8)}`)),
      (cause: unknown) => settle(() => refused(plan.name, cause, again)),
    );
  }

  function refused(what: string, cause: unknown, again?: (why: string) => void): void {
    const code = cause instanceof MusterError ? cause.code : undefined;
    if (again && (code === 'store-failed' || code === 'shutting-down')) return again(`refused (${code})`);
    story.tell('operator', `${what}: refused: ${cause instanceof Error ? cause.message : String(cause)}`);
    if (code === undefined || code === 'internal') throw cause;
  }

  /** Where the reply is not waited for any more: what was asked may have been done. */
  function tell({ id, name }: Row, says: (typeof SAYINGS)[number], by = dice.pick([ANN, BOB])): void {
    const verbs = central.controller?.verbs.rollouts;
    const plan = planNamed(name);
    if (!verbs || !plan) return;
    story.tell('operator', `${name}: ${by.name} says ${says}`);
    plan.isPaused = false;
    plan.said += 1;
    const { said } = plan;
    const done = (fn = (): void => {}) => [fn, (cause: unknown) => refused(name, cause)] as const;
    switch (says) {
      case 'pause':
        return void verbs.pause(id, {}, by).then(
          ...done(() => {
            plan.isPaused = plan.said === said;
          }),
        );
      case 'resume':
        return void verbs.resume(id, {}, by).then(...done());
      case 'approve': {
        const wave = waitsForApproval(id);
        plan.approvals.push({ wave, by: by.name });
        return void verbs.approve(id, { wave }, by).then(...done());
      }
      case 'abort':
        return void verbs.abort(id, { cancel: dice.chance(0.5) }, by).then(...done());
      case 'rollback':
        return void verbs
          .rollback(id, dice.chance(0.5) ? {} : { targets: dice.pick(plan.hosts as [string]) }, by)
          .then(...done());
    }
  }

  const waitsForApproval = (id: string): number =>
    Number(
      central.disk.eye
        .prepare(`select min(wave) as wave from rollout_waves where rollout_id = ? and state != 'passed'`)
        .get(id)?.wave ?? 0,
    );

  return {
    plans,
    programOf: (token, host) => programs.get(`${token} ${host}`),
    askOf: (token) => steps.get(token)?.ask,
    stepOf: (token) => steps.get(token),
    start() {
      const plan = think();
      story.tell('operator', `${plan.name}: asks for ${describe(plan)}`);
      start(plan, 4);
    },
    say() {
      const open = rows();
      const [first] = open;
      if (first) tell(dice.pick(open as [Row]), dice.pick(SAYINGS));
    },
    tend() {
      for (const row of rows()) {
        // What a backup brought back is there to be read and aborted.
        if (planNamed(row.name)?.putBacks !== ports.putBacks()) tell(row, 'abort', BOB);
        else if (['paused', 'stopped', 'rolling-back'].includes(row.state)) tell(row, 'resume', BOB);
        else if (row.state === 'running') tell(row, 'approve', BOB);
      }
    },
  };
}

const PATIENCE_MS = 30_000;
const APPROVALS = ['nobody', 'nobody', 'anybody', 'not-starter'] as const;
const SAYINGS = ['pause', 'resume', 'resume', 'approve', 'approve', 'approve', 'abort', 'rollback'] as const;

function describe({ body, hosts, maxUnavailable, maxFailures, soakMs, approval }: Plan): string {
  const has = ROLLED.filter((step) => step === 'change' || body[step] !== undefined).join(' ');
  const gate = `soaks ${soakMs} ms, approved by ${approval}`;
  return `${has} on ${hosts.join(' ')}: ${maxUnavailable} at once, ${maxFailures} may fail, ${body.waves ? '2 waves' : '1 wave'}, ${gate}, on failure ${body.onFailure}`;
}
