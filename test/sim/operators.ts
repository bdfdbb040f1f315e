import type { ApiVerbs } from '../../controller/api/verbs.ts';
import { MusterError } from '../../proto/errors.ts';
import type { Central } from './central.ts';
import type { Dice } from './dice.ts';
import { type Program, throwProgram } from './program.ts';
import type { Scheduler } from './scheduler.ts';
import type { Story } from './story.ts';

export type JobRequest = Parameters<ApiVerbs['jobs']['create']>[0];

/** What an operator asked for, and what came of it on his side. */
export interface Ask {
  readonly name: string;
  readonly request: JobRequest;
  readonly hosts: readonly string[];
  readonly programs: readonly Program[];
  readonly timeoutMs: number;
  readonly killGraceMs: number;
  readonly capBytes: number;
  readonly attempts: number;
  /** Hosts at once, and how many may fail before the rest is left alone; undefined: all, and any number. */
  readonly batch: number | undefined;
  readonly maxFailures: number | undefined;
  /** The steps post and restore of a rollout carry out the same. */
  readonly isOfTwoJobs: boolean;
  /** Told by the controller; undefined as long as no reply came. */
  jobId: string | undefined;
  ackedMs: number | undefined;
  /** Host names, or all, that were asked to be cancelled, and when that was acknowledged first. */
  cancelledMs: number | undefined;
  cancelAskedMs: number | undefined;
}

export interface Operators {
  readonly asks: readonly Ask[];
  programOf(token: string): Program | undefined;
  askOf(token: string): Ask | undefined;
  /** Asks for a job now, and keeps at it as people and scripts do. */
  ask(): void;
  /** Asks for the cancel of a job that is there. */
  cancel(): void;
}

export interface OperatorsPorts {
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  readonly story: Story;
  readonly central: Central;
  readonly hosts: readonly string[];
  asked(ask: Ask): void;
  acknowledged(ask: Ask, job: string, targets: readonly string[]): void;
}

export const ACTOR = { name: 'ops', role: 'admin' } as const;
/** How long an operator waits for a reply before he takes it for lost. */
const PATIENCE_MS = 30_000;

export function createOperators(ports: OperatorsPorts): Operators {
  const { scheduler, dice, story, central } = ports;
  const asks: Ask[] = [];
  const byToken = new Map<string, { ask: Ask; program: Program }>();

  function think(): Ask {
    const name = `job-${asks.length + 1}`;
    const tasks = dice.chance(0.75) ? 1 : 2 + dice.below(2);
    const programs = Array.from({ length: tasks }, (_, index) => throwProgram(dice, `${name}.${index}`));
    const hosts = chooseHosts();
    const ttlMs = Math.round(dice.chance(0.5) ? dice.between(500, 20_000) : dice.between(20_000, 900_000));
    const timeoutMs = Math.round(
      dice.chance(0.3) ? dice.between(500, 10_000) : dice.between(10_000, 600_000),
    );
    const killGraceMs = Math.round(dice.between(0, 8_000));
    const capBytes = dice.chance(0.2) ? 1 + dice.below(2_000) : 1 << 20;
    const hasKey = dice.chance(0.6);
    const attempts = dice.chance(0.25) ? 2 + dice.below(2) : 1;
    const paced = hosts.length > 2 && dice.chance(0.35);
    const batch = paced ? 1 + dice.below(hosts.length - 1) : undefined;
    const maxFailures = paced && dice.chance(0.4) ? dice.below(3) : undefined;
    const request: JobRequest = {
      targets: hosts.join(','),
      tasks: programs.map(({ token }) => ({ command: { argv: ['/usr/bin/act', token] } })),
      ttlMs,
      timeoutMs,
      killGraceMs,
      outputCapBytes: capBytes,
      ...(attempts > 1 && { attempts }),
      ...(batch !== undefined && { batch: String(batch) }),
      ...(maxFailures !== undefined && { maxFailures: String(maxFailures) }),
      ...(hasKey && { idempotencyKey: `key-${name}` }),
    };
    const ask: Ask = {
      name,
      request,
      hosts,
      programs,
      timeoutMs,
      killGraceMs,
      capBytes,
      attempts,
      batch,
      maxFailures,
      isOfTwoJobs: false,
      jobId: undefined,
      ackedMs: undefined,
      cancelledMs: undefined,
      cancelAskedMs: undefined,
    };
    for (const program of programs) byToken.set(program.token, { ask, program });
    asks.push(ask);
    return ask;
  }

  function chooseHosts(): string[] {
    if (dice.chance(0.4)) return [...ports.hosts];
    const chosen = ports.hosts.filter(() => dice.chance(0.4));
    return chosen.length > 0 ? chosen : [dice.pick(ports.hosts as [string, ...string[]])];
  }

  function attempt(ask: Ask, left: number): void {
    const { controller } = central;
    const again = (why: string): void => {
      const retry = left > 0 && ask.request.idempotencyKey !== undefined;
      story.tell('operator', `${ask.name}: ${why}${retry ? '; asks again with the same key' : '; gives up'}`);
      if (retry) scheduler.after(dice.between(500, 8_000), () => attempt(ask, left - 1));
    };
    if (!controller) return again('nobody answers');
    let settled = false;
    const settle = (fn: () => void): void => {
      if (settled) return;
      settled = true;
      cancelWait();
      fn();
    };
    const cancelWait = scheduler.after(PATIENCE_MS, () => settle(() => again('no reply came')));
    controller.verbs.jobs.create(ask.request, ACTOR).then(
      ({ job, targets, created }) =>
        settle(() => {
          // What the network loses on its way back is acknowledged all the same for the one who reads the store.
          if (ask.request.idempotencyKey !== undefined && dice.chance(0.15))
            return again('the reply is lost');
          story.tell(
            'operator',
            `${ask.name}: is ${created ? 'a new job' : 'the job of an earlier try'} ${short(job)}`,
          );
          ports.acknowledged(
            ask,
            job,
            targets.map((target) => target.name),
          );
        }),
      (cause: unknown) =>
        settle(() => {
          const code = cause instanceof MusterError ? cause.code : undefined;
          if (code === 'store-failed' || code === 'shutting-down') return again(`refused (${code})`);
          story.tell(
            'operator',
            `${ask.name}: refused: ${cause instanceof Error ? cause.message : String(cause)}`,
          );
          if (code === undefined || code === 'internal') throw cause;
        }),
    );
  }

  return {
    asks,
    programOf: (token) => byToken.get(token)?.program,
    askOf: (token) => byToken.get(token)?.ask,
    ask() {
      const ask = think();
      const words = ask.programs.map(describe).join(' | ');
      story.tell(
        'operator',
        `${ask.name}: asks for [${words}]${paceOf(ask)} on ${ask.hosts.join(' ')}, ttl ${ask.request.ttlMs} ms, timeout ${ask.timeoutMs} ms`,
      );
      ports.asked(ask);
      attempt(ask, 4);
    },
    cancel() {
      const known = asks.filter((ask) => ask.jobId !== undefined);
      const ask =
        known.length > 0 ? known[known.length - 1 - dice.below(Math.min(4, known.length))] : undefined;
      if (!ask?.jobId || !central.controller) return;
      ask.cancelAskedMs ??= scheduler.nowMs;
      story.tell('operator', `${ask.name}: cancels it`);
      central.controller.verbs.jobs.cancel(ask.jobId, ACTOR).then(
        ({ cancelled }) => {
          ask.cancelledMs ??= scheduler.nowMs;
          story.tell('operator', `${ask.name}: cancel acknowledged for ${cancelled} runs`);
        },
        (cause: unknown) =>
          story.tell(
            'operator',
            `${ask.name}: cancel refused: ${cause instanceof Error ? cause.message : String(cause)}`,
          ),
      );
    },
  };
}

export function short(id: string): string {
  return id.slice(0, 8);
}

function paceOf({ attempts, batch, maxFailures }: Ask): string {
  const words = [
    ...(attempts > 1 ? [`up to ${attempts} attempts`] : []),
    ...(batch === undefined ? [] : [`${batch} at once`]),
    ...(maxFailures === undefined ? [] : [`at most ${maxFailures} may fail`]),
  ];
  return words.length > 0 ? ` (${words.join(', ')})` : '';
}

function describe({ token, steps, exitCode, hangs, ignoresTerm, child }: Program): string {
  const bytes = steps.reduce((sum, step) => sum + (step.does === 'write' ? step.bytes : 0), 0);
  const ms = steps.reduce((sum, step) => sum + (step.does === 'wait' ? step.ms : 0), 0);
  const traits = [
    `${token}: ${Math.round(ms)} ms, ${bytes} bytes`,
    hangs ? 'hangs' : `exit ${exitCode}`,
    ...(ignoresTerm ? ['ignores TERM'] : []),
    ...(child ? [`leaves a ${child.daemon ? 'daemon' : 'child'} for ${Math.round(child.lastsMs)} ms`] : []),
  ];
  return traits.join(', ');
}
