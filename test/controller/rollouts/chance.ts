/**
 * A rollout on a bad day: hosts that fail, drift, are lost and come back late, operators who say things at any moment, a controller that dies before it
 * has written, and clocks that jump. One seed is one history; what is broken is told with all that led to it.
 */
import assert from 'node:assert/strict';
import { advance, type Word } from '../../../controller/rollouts/advance.ts';
import { abort, approve, pause, resume, rollback } from '../../../controller/rollouts/commands.ts';
import type { Decision, Seen } from '../../../controller/rollouts/reconcile.ts';
import type { RolloutRequest, WaveRequest } from '../../../controller/rollouts/request.ts';
import { hasEnded, type Rollout, type StepOutcome } from '../../../controller/rollouts/rollout.ts';
import { layOut } from '../../../controller/rollouts/waves.ts';
import { seededFractions } from '../../../controller/targeting/limit.ts';
import { MusterError } from '../../../proto/errors.ts';
import { createJudge } from './judge.ts';

export type Advance = typeof advance;
export type Approve = typeof approve;

const HOUR_MS = 3_600_000;
const BEGAN_MS = Date.UTC(2026, 10, 27, 21, 0);

interface Open {
  readonly hostId: string;
  readonly step: Decision['turns'][number]['step'];
  /** Its deadline passed: what comes now is late. */
  isLost: boolean;
}

export interface Told {
  readonly story: readonly string[];
  /** The first promise that was broken; undefined: all held. */
  readonly broken: string | undefined;
  readonly end: Rollout['state'];
}

export function historyOf(seed: number, goOn: Advance = advance, sayYes: Approve = approve): Told {
  const dice = seededFractions(`rollout ${seed}`);
  const chance = (share: number): boolean => dice() < share;
  const among = <T>(items: readonly T[]): T => items[Math.floor(dice() * items.length)] as T;
  const story: string[] = [];
  const start = rolloutOf(among, chance);
  const judge = createJudge(start);
  const runs: Open[] = [];
  const asks: Decision['asks'][number][] = [];
  const said: Word[] = [];
  let rollout = start;
  let nowMs = BEGAN_MS;
  let goneId: string | undefined;
  let isFair = false;

  const seenNow = (): Seen => ({
    nowMs,
    busy: !isFair && chance(0.1) ? new Map([[among(rollout.hosts).id, 'other']]) : new Map(),
    gone: new Set(goneId === undefined ? [] : [goneId]),
  });

  function take(words: readonly Word[], from = rollout, tell = (): void => {}): void {
    const decided = goOn(from, words, seenNow());
    if (!isFair && chance(0.1)) {
      story.push('the controller dies before it has written this');
      return;
    }
    tell();
    judge.judge(rollout, decided, nowMs);
    rollout = decided.rollout;
    said.push(...words);
    for (const { hostId, step } of decided.turns) runs.push({ hostId, step, isLost: false });
    asks.push(...decided.asks);
    // Over: what was said is written, and is not said anew but as an echo.
    for (const word of words) settle(word);
    for (const { hostId, step } of decided.turns) story.push(`  ${hostId.slice(-2)} begins ${step}`);
    story.push(
      `  ${rollout.state} ${rollout.reason ?? ''} | ${rollout.hosts.map(({ phase }) => phase).join(' ')} | ${rollout.waves.map(({ state }) => state).join(' ')}`,
    );
  }

  function settle(word: Word): void {
    if (!('hostId' in word)) {
      const at = asks.findIndex((ask) => ask.of === word.of && ask.wave === word.wave);
      if (at >= 0) asks.splice(at, 1);
      return;
    }
    const step = word.of === 'step' ? word.step : 'soak';
    const at = runs.findIndex((run) => run.hostId === word.hostId && run.step === step);
    const run = runs[at];
    if (run === undefined) return;
    if (word.outcome.state === 'lost') run.isLost = true;
    else runs.splice(at, 1);
  }

  function hear(): void {
    const open = isFair ? runs.filter(({ isLost }) => !isLost) : runs;
    if (asks.length > 0 && (open.length === 0 || chance(0.3))) {
      const { of, wave } = among(asks);
      const held = isFair || chance(0.8);
      story.push(`the ${of} of wave ${wave} ${held ? 'hold' : 'do not hold'}`);
      return take([{ of, wave, held, reason: held ? null : 'it does not answer' }]);
    }
    if (open.length === 0) return;
    const { hostId, step, isLost } = among(open);
    const outcome = outcomeOf(isLost);
    story.push(
      `${hostId.slice(-2)}: ${step} is ${outcome.state}${outcome.code === null ? '' : ` (${outcome.code})`}${isLost ? ', late' : ''}`,
    );
    take([step === 'soak' ? { of: 'soak', hostId, outcome } : { of: 'step', hostId, step, outcome }]);
  }

  function outcomeOf(isLost: boolean): StepOutcome {
    const base = { reason: null, code: null, rebooted: false, changed: null };
    if (isFair || chance(0.7)) return { ...base, state: 'succeeded', changed: true };
    const state = among([
      'failed',
      'failed',
      'timed-out',
      'interrupted',
      'expired',
      'rejected',
      'cancelled',
      'lost',
      'drifted',
      'undone',
    ] as const);
    if (state === 'drifted') return { ...base, state: 'failed', code: 'drifted', changed: false };
    if (state === 'undone') return { ...base, state: 'failed', code: 'undone' };
    return { ...base, state: isLost && state === 'lost' ? 'failed' : state, reason: 'bad luck' };
  }

  function operator(): void {
    const by = among(['ann', 'bob']);
    const says = among([
      'pause',
      'resume',
      'approve',
      'abort',
      'rollback',
      'rollback one',
      'resume',
      'approve',
    ] as const);
    try {
      story.push(`${by} says ${says}`);
      command(says, by);
    } catch (error) {
      if (!(error instanceof MusterError)) throw error;
      story.pop();
    }
  }

  function command(says: string, by: string): void {
    if (says === 'pause') take([], pause(rollout, null));
    else if (says === 'resume') goOnAnyway();
    else if (says === 'approve') agree(by);
    else if (says === 'abort') {
      if (!chance(0.2)) throw new MusterError('rollout-state');
      take([], abort(rollout, chance(0.5), null));
    } else {
      if (!chance(0.3)) throw new MusterError('rollout-state');
      const ids = says === 'rollback' ? undefined : new Set([among(rollout.hosts).id]);
      take([], rollback(rollout, ids, nowMs), () => judge.wentOn(rollout, ids));
    }
  }

  function goOnAnyway(): void {
    const isForgiving = rollout.state !== 'paused';
    take([], resume(rollout), () => isForgiving && judge.wentOn(rollout));
  }

  function agree(by: string): void {
    take([], sayYes(rollout, by, undefined, nowMs), () => judge.approved(rollout, by));
  }

  try {
    take([]);
    for (let turn = 0; turn < 40 + 12 * start.hosts.length; turn++) {
      const what = dice();
      if (what < 0.7) hear();
      else if (what < 0.78) operator();
      else if (what < 0.84 && said.length > 0) take([among(said)]);
      else if (what < 0.86 && goneId === undefined && chance(0.3)) goneId = among(start.hosts).id;
      else {
        nowMs += among([1_000, 60_000, HOUR_MS, HOUR_MS, -HOUR_MS, 6 * HOUR_MS]);
        story.push(`it is ${new Date(nowMs).toISOString()}`);
        take([]);
      }
    }
    isFair = true;
    story.push('from here on all goes well');
    for (let turn = 0; turn < 60 + 30 * start.hosts.length && !hasEnded(rollout.state); turn++) {
      if (runs.some(({ isLost }) => !isLost) || asks.length > 0) hear();
      else if (['paused', 'stopped', 'rolling-back'].includes(rollout.state)) goOnAnyway();
      else if (rollout.waves.some(({ state }) => state === 'approval')) agree('bob');
      else {
        nowMs += HOUR_MS;
        take([]);
      }
    }
    assert.ok(hasEnded(rollout.state), `it never ends: ${rollout.state}`);
    judge.atEnd(rollout);
  } catch (error) {
    return { story, broken: error instanceof Error ? error.message : String(error), end: rollout.state };
  }
  return { story, broken: undefined, end: rollout.state };
}

function rolloutOf(among: <T>(items: readonly T[]) => T, chance: (share: number) => boolean): Rollout {
  const hosts = among([1, 2, 3, 5, 8, 13]);
  const task = { command: { argv: ['true'] } };
  const probe = { shell: { line: 'true' } };
  const sized: WaveRequest[] = [{ size: '1' }, { rest: true }];
  const request: RolloutRequest = {
    change: { kind: 'bundle', title: 'it', tasks: [task] },
    ...(chance(0.5) ? { pre: [task], post: [task] } : {}),
    ...(chance(0.8) ? { undo: [task] } : {}),
    ...(hosts > 1 && chance(0.7) ? { waves: sized } : {}),
    probes: [
      ...(chance(0.5) ? [{ name: 'host', ...probe }] : []),
      ...(chance(0.3) ? [{ name: 'others', from: { targets: 'lb' }, ...probe }] : []),
      ...(chance(0.3)
        ? [{ name: 'here', from: 'controller' as const, tcp: { host: '{address}', port: 80 } }]
        : []),
    ],
    gate: {
      ...(chance(0.3) ? { success: among(['50%', '100%']) } : {}),
      ...(chance(0.5) ? { soakMs: 90 * 60_000 } : {}),
      approval: among(['nobody', 'anybody', 'not-starter'] as const),
    },
    maxUnavailable: among(['1', '2', '50%']),
    maxFailures: among(['0', '1', '30%']),
    onFailure: among(['host', 'wave', 'all', 'none'] as const),
    withoutWayBack: 'go-on',
    windows: chance(0.4) ? [{ from: '22:00', to: '04:00', zone: 'UTC' }] : [],
    freezes: chance(0.2)
      ? [{ from: '2026-11-28T23:00', to: '2026-11-29T03:00', zone: 'UTC', reason: 'sale' }]
      : [],
  };
  const agents = Array.from({ length: hosts }, (_, index) => ({
    ...{ id: String(index).padStart(32, '0'), name: `web-${index}`, labels: {} },
  }));
  const { laid, problems } = layOut(request, agents, BEGAN_MS);
  assert.ok(laid, problems.join('; '));
  return { ...laid, id: 'r', state: 'running', reason: null, starter: 'ann', cancels: false };
}
