/** What operators do with a rollout. */
import { abort, approve, pause, resume, rollback } from './commands.ts';
import type { RolloutSummary } from './history.ts';
import type { Actor, RolloutsPorts } from './ports.ts';
import type { Rollout } from './rollout.ts';
import type { EventRow } from './rows.ts';

/** Each answers with the rollout as it is then, and throws no-such-rollout, rollout-state. */
export interface RolloutVerbs {
  pause(rollout: string, body: { reason?: string }, actor: Actor): Promise<RolloutSummary>;
  resume(rollout: string, body: { reason?: string }, actor: Actor): Promise<RolloutSummary>;
  approve(rollout: string, body: { reason?: string; wave?: number }, actor: Actor): Promise<RolloutSummary>;
  abort(rollout: string, body: { reason?: string; cancel?: boolean }, actor: Actor): Promise<RolloutSummary>;
  rollback(
    rollout: string,
    body: { reason?: string; targets?: string },
    actor: Actor,
  ): Promise<RolloutSummary>;
}

/** Changes a rollout, durably, with the line in its history and in the audit log. */
export type Command = (what: {
  id: string;
  told: EventRow['what'];
  action: string;
  body: { reason?: string };
  actor: Actor;
  change(rollout: Rollout): Rollout;
  detail?: object;
}) => Promise<RolloutSummary>;

export function createVerbs({
  clock,
  inventory,
  command,
}: Pick<RolloutsPorts, 'clock' | 'inventory'> & { command: Command }): RolloutVerbs {
  return {
    pause: (id, body, actor) =>
      command({
        ...{ id, body, actor, told: 'paused', action: 'rollout.pause' },
        change: (rollout) => pause(rollout, body.reason ?? `paused by ${actor.name}`),
      }),
    resume: (id, body, actor) =>
      command({ id, body, actor, told: 'resumed', action: 'rollout.resume', change: resume }),
    approve: (id, body, actor) =>
      command({
        ...{ id, body, actor, told: 'approved', action: 'rollout.approve' },
        change: (rollout) => approve(rollout, actor.name, body.wave, clock.now()),
        detail: body.wave === undefined ? {} : { wave: body.wave },
      }),
    abort: (id, body, actor) =>
      command({
        ...{ id, body, actor, told: 'aborted', action: 'rollout.abort' },
        change: (rollout) => abort(rollout, body.cancel ?? false, body.reason ?? `aborted by ${actor.name}`),
        detail: { cancel: body.cancel ?? false },
      }),
    async rollback(id, body, actor) {
      const { targets } = body;
      const meant =
        targets === undefined ? undefined : new Set(inventory.meant({ targets }).map((one) => one.id));
      return command({
        ...{ id, body, actor, told: 'rollback', action: 'rollout.rollback' },
        change: (rollout) => rollback(rollout, meant, clock.now()),
        detail: targets === undefined ? {} : { targets },
      });
    },
  };
}
