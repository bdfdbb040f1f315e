import { MusterError } from '../../proto/errors.ts';
import type { Statement } from '../db/database.ts';
import type { ControllerEvent } from '../events.ts';
import { isOpen } from '../jobs/run.ts';
import { runById, runsOfJob } from '../jobs/store.ts';
import { type About, type Active, keyOf, loadActive } from './active.ts';
import { advance, type Word } from './advance.ts';
import { cancelRuns } from './cancel.ts';
import { claimsOf, shares } from './claims.ts';
import { createHistory, type RolloutHistory } from './history.ts';
import { createLanes } from './lanes.ts';
import { type Actor, type RolloutsPorts, SYSTEM } from './ports.ts';
import { createProber } from './probing.ts';
import { createProbings } from './probings.ts';
import { unreachable } from './reach.ts';
import type { Decision } from './reconcile.ts';
import { type RolloutReport, reportOf } from './report.ts';
import type { RolloutRequest } from './request.ts';
import { hasEnded, type Rollout } from './rollout.ts';
import { type EventRow, movements } from './rows.ts';
import { createSignedRollouts, type SignedRollouts } from './signed.ts';
import { type Checked, checkRollout, earlierRollout, prepareRollout, type Started } from './start.ts';
import { allRolloutJobs, jobsOfRollout, openRollouts, type RolloutJobRow } from './store.ts';
import { tidy } from './tidy.ts';
import { type Command, createVerbs, type RolloutVerbs } from './verbs.ts';
import { wordsOf } from './words.ts';

export interface Rollouts extends RolloutHistory, RolloutVerbs, SignedRollouts {
  check(request: RolloutRequest, actor: Actor): Promise<Checked>;
  start(request: RolloutRequest, actor: Actor, idempotencyKey?: string): Promise<Started>;
  report(rollout: string): Promise<RolloutReport>;
  /** Goes on with those that are open. */
  begin(): Promise<void>;
  end(): void;
}

/** The wall clock may be set meanwhile. */
const LOOK_MS = 60_000;
const AGAIN_MS = 5_000;

/**
 * Carries rollouts out. The store is the truth: what is in memory is what was written last, and is read anew after a write that failed.
 * Whatever happens wakes it; what happens next is decided by `advance`, and written in one transaction with the turns that it gives.
 */
export function createRollouts(ports: RolloutsPorts): Rollouts {
  const { clock, db, bus, log, jobs, inventory, audit } = ports;
  const history = createHistory({ db, clock });
  const actives = new Map<string, Active>();
  /** Of all rollouts that are kept: a late word may be of one that has ended. */
  const byJob = new Map<string, Pick<RolloutJobRow, 'rollout_id' | 'step' | 'wave'>>();
  const timers = new Map<string, () => void>();
  const signed = createSignedRollouts(ports);
  const lanes = createLanes(carryOn);
  const probings = createProbings({
    ...{ clock, log, inventory, prober: createProber(clock, ports.probeSockets, unreachable) },
    wake: (id) => (isRunning ? lanes.wake(id) : undefined),
  });
  const tidying = new Set<string>();
  let off = (): void => {};
  let isRunning = false;

  async function load(id: string): Promise<Active> {
    const known = actives.get(id);
    if (known) return known;
    const active = await loadActive(db, id, (agentId) => inventory.get(agentId) !== undefined);
    if (!active) throw new MusterError('no-such-rollout', id);
    actives.set(id, active);
    return active;
  }

  async function carryOn(id: string): Promise<void> {
    if (!isRunning) return;
    timers.get(id)?.();
    timers.delete(id);
    try {
      await step(await load(id), (rollout) => rollout);
    } catch (error) {
      forget(id);
      if (!isRunning) return;
      log.error({ err: error, rollout: id }, 'rollout not carried on; trying again');
      lookIn(id, AGAIN_MS);
    }
  }

  /** What was in memory may not be what is stored. */
  function forget(id: string): void {
    for (const probing of actives.get(id)?.probings.values() ?? []) probing.abort();
    actives.delete(id);
  }

  /** Takes in what was heard, lets `change` have its say, and writes what comes of it. */
  async function step(
    active: Active,
    change: (rollout: Rollout) => Rollout,
    by?: { told: EventRow; audit: Statement; actor: Actor },
  ): Promise<void> {
    const { id } = active.rollout;
    const heard = [...active.heard];
    const own = active.words;
    active.heard = new Set();
    active.words = [];
    const { words, toProbe } = await wordsOf(db, active, heard);
    const before = active.rollout;
    const all: Word[] = [...own, ...words];
    const nowMs = clock.now();
    const seen = { nowMs, busy: claimsOf(active, actives), gone: active.gone };
    const decision = by ? commanded(before, all, seen, change) : advance(before, all, seen);
    const after = decision.rollout;
    const rows = movements(before, after, by ? [by.told] : [], nowMs);
    if (rows.length > 0 || by) {
      const turns = await runsOf(active, decision);
      await jobs.direct((direct) => [
        ...rows,
        ...(by ? [by.audit] : []),
        ...(hasEnded(after.state) && !hasEnded(before.state) ? [endEntry(active, after)] : []),
        ...turns.map(({ jobId, agentId }) => direct.turn(jobId, agentId)),
      ]);
      active.rollout = after;
      await hearWhatIsOver(active, decision, turns);
      bus.emit({ type: 'rollout-changed', rolloutId: id });
    }
    probings.follow(active, decision, toProbe);
    await cancelRuns(jobs, active, decision, by?.actor);
    if (active.heard.size > 0 || active.words.length > 0) lanes.wake(id);
    if (hasEnded(after.state)) ended(active, !hasEnded(before.state));
    else if (decision.wakeAtMs !== null) lookIn(id, Math.max(0, decision.wakeAtMs - clock.now()));
    if (rows.length > 0) wakeOthers(active);
  }

  function commanded(
    before: Rollout,
    words: readonly Word[],
    seen: Parameters<typeof advance>[2],
    change: (rollout: Rollout) => Rollout,
  ): Decision {
    const heard = words.length === 0 ? undefined : advance(before, words, seen);
    const decided = advance(change(heard?.rollout ?? before), [], seen);
    if (!heard) return decided;
    return { ...decided, turns: [...heard.turns, ...decided.turns], asks: [...heard.asks, ...decided.asks] };
  }

  function endEntry({ name }: Active, { id, state, reason }: Rollout): Statement {
    return audit.entry(SYSTEM, 'rollout.end', {
      ...{ rollout: id, name, state },
      ...(reason === null ? {} : { reason }),
    });
  }

  interface RunOf {
    jobId: string;
    agentId: string;
    about: About;
  }

  /** The runs that have their turn. */
  async function runsOf(active: Active, { turns, asks }: Decision): Promise<RunOf[]> {
    const runs: RunOf[] = turns.flatMap(({ hostId, wave, step }) => {
      const about = { of: step, hostId } as const;
      const held = step === 'soak' ? (active.soaks.get(wave) ?? []) : [active.jobs.get(step) ?? []].flat();
      return held.map((jobId) => ({ jobId, agentId: hostId, about }));
    });
    for (const { wave, of } of asks) {
      if (of !== 'observers') continue;
      for (const jobId of active.observes.get(wave) ?? [])
        for (const agentId of await observersOf(jobId))
          runs.push({ jobId, agentId, about: { of: 'observers', wave } });
    }
    return runs;
  }

  async function observersOf(jobId: string): Promise<string[]> {
    return (await db.read(runsOfJob({ jobId }))).map((run) => run.agent_id);
  }

  /** A run may be over before its turn: somebody cancelled the job, or removed the agent. */
  async function hearWhatIsOver(active: Active, { turns }: Decision, runs: readonly RunOf[]): Promise<void> {
    for (const { jobId, agentId, about } of runs) {
      const [run] = await db.read(runById({ jobId, agentId }));
      if (run && !isOpen(run.state)) active.heard.add(keyOf(about));
    }
    // Where only the controller checks there is no run, and nothing to wait for.
    if (active.jobs.has('check')) return;
    for (const { step, hostId } of turns) if (step === 'check') active.heard.add(keyOf({ of: step, hostId }));
  }

  /** Nothing of it is in memory any more, until word of it comes or somebody wants it brought back. */
  function ended({ rollout: { id, state } }: Active, isNew: boolean): void {
    forget(id);
    timers.get(id)?.();
    timers.delete(id);
    if (!isNew) return;
    log.info({ rollout: id, state }, 'rollout over');
    tidying.add(id);
    tidy({ db, jobs }, id)
      .catch((error: unknown) =>
        log.error(
          { err: error, rollout: id },
          'runs of a rollout that is over not withdrawn; at the next start',
        ),
      )
      .finally(() => {
        tidying.delete(id);
        if (isRunning) lanes.wake(id);
      });
  }

  function lookIn(id: string, delayMs: number): void {
    timers.get(id)?.();
    if (!isRunning) return;
    timers.set(
      id,
      clock.after(Math.min(delayMs, LOOK_MS), () => lanes.wake(id)),
    );
  }

  /** Those that want a host which this one may have let go. */
  function wakeOthers(active: Active): void {
    for (const [id, other] of actives) if (other !== active && shares(active, other)) lanes.wake(id);
  }

  function onEvent(event: ControllerEvent): void {
    switch (event.type) {
      case 'run-over': {
        const job = byJob.get(event.jobId);
        // What is withdrawn at its end is news to nobody.
        if (!job || tidying.has(job.rollout_id)) return;
        const about: About =
          job.step === 'observe'
            ? { of: 'observers', wave: job.wave ?? 0 }
            : { of: job.step, hostId: event.agentId };
        // Of one that is not in memory all is looked at as soon as it is.
        actives.get(job.rollout_id)?.heard.add(keyOf(about));
        lanes.wake(job.rollout_id);
        return;
      }
      case 'agent-removed':
        for (const [id, active] of actives) {
          if (!active.places.has(event.agentId)) continue;
          active.gone.add(event.agentId);
          lanes.wake(id);
        }
        return;
      case 'store-writable':
        for (const id of timers.keys()) lanes.wake(id);
        return;
    }
  }

  const command: Command = async ({ id, told, action, body, actor, change, detail = {} }) => {
    await lanes.inLane(id, async () => {
      const active = await load(id);
      const said = body.reason === undefined ? {} : { reason: body.reason };
      try {
        await step(active, change, {
          told: { what: told, by: actor.name, ...said },
          audit: audit.entry(actor, action, { rollout: id, name: active.name, ...detail, ...said }),
          actor,
        });
      } catch (error) {
        forget(id);
        if (isRunning) lanes.wake(id);
        throw error;
      }
    });
    return history.summary(id);
  };

  async function start(request: RolloutRequest, actor: Actor, idempotencyKey?: string): Promise<Started> {
    const earlier = () => earlierRollout(ports, request, actor, idempotencyKey);
    const made = await earlier();
    if (made) return made;
    try {
      const prepared = await prepareRollout(ports, request, actor, idempotencyKey);
      return await taken(await prepared.commit());
    } catch (error) {
      // Two requests with one key at once: the second finds what the first one made, which has its hosts by then.
      const first = await earlier();
      if (first) return first;
      throw error;
    }
  }

  /** From now on it is carried out. */
  async function taken(started: Started): Promise<Started> {
    if (!started.created) return started;
    for (const { job_id, ...job } of await db.read(jobsOfRollout({ id: started.rollout })))
      byJob.set(job_id, job);
    bus.emit({ type: 'rollout-changed', rolloutId: started.rollout });
    lanes.wake(started.rollout);
    return started;
  }

  return {
    ...history,
    check: (request, actor) => checkRollout(ports, request, actor),
    start,
    draft: signed.draft,
    submit: async (id, signatures, actor) => taken(await signed.submit(id, signatures, actor)),
    report: (id) => reportOf({ db, clock, audit, history }, id),
    ...createVerbs({ clock, inventory, command }),
    async begin() {
      isRunning = true;
      off = bus.on(onEvent);
      for (const { job_id, ...job } of await db.read(allRolloutJobs())) byJob.set(job_id, job);
      for (const { id } of await db.read(openRollouts())) {
        await load(id);
        lanes.wake(id);
      }
      tidy({ db, jobs }).catch((error: unknown) =>
        log.error({ err: error }, 'runs of rollouts not withdrawn'),
      );
    },
    end() {
      isRunning = false;
      off();
      for (const cancelTimer of timers.values()) cancelTimer();
      timers.clear();
      for (const id of [...actives.keys()]) forget(id);
    },
  };
}
