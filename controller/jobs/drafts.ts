import type { Clock } from '../../proto/clock.ts';
import { MusterError } from '../../proto/errors.ts';

/** How many there are at a time, of one operator and of all, and how long one is kept. */
export const DRAFTS = { each: 4, all: 64, lifeMs: 300_000 } as const;

/**
 * What waits for its operator's signature. In memory alone: nothing of it was promised, and whoever asked for it asks again. The oldest
 * give way.
 */
export interface Drafts<D> {
  /** `expiresAtMs`: by the wall clock, of what is signed; it is kept no longer than that. */
  keep(id: string, by: string, expiresAtMs: number, draft: D): { untilMs: number };
  /** Makes what was signed, once, however often it is asked for; where that fails the draft is still there. Throws draft-over. */
  make<M>(id: string, by: string, make: (draft: D) => Promise<M>): Promise<M>;
}

interface Kept<D> {
  by: string;
  untilMs: number;
  draft: D;
  making: Promise<unknown> | undefined;
}

export function createDrafts<D>(clock: Pick<Clock, 'now'>): Drafts<D> {
  /** In the order in which they came. */
  const kept = new Map<string, Kept<D>>();

  function makeRoom(by: string): void {
    for (const [id, { untilMs }] of kept) if (untilMs <= clock.now()) kept.delete(id);
    const own = [...kept].filter(([, one]) => one.by === by);
    const [oldest] = own.length >= DRAFTS.each ? own : kept.size >= DRAFTS.all ? kept : [];
    if (oldest) kept.delete(oldest[0]);
  }

  return {
    keep(id, by, expiresAtMs, draft) {
      makeRoom(by);
      const untilMs = Math.min(expiresAtMs, clock.now() + DRAFTS.lifeMs);
      kept.set(id, { by, untilMs, draft, making: undefined });
      return { untilMs };
    },
    async make<M>(id: string, by: string, make: (draft: D) => Promise<M>): Promise<M> {
      const found = kept.get(id);
      // Another operator's is not there at all.
      if (found?.by !== by || found.untilMs <= clock.now()) throw new MusterError('draft-over');
      const underWay = (found.making as Promise<M> | undefined) ?? make(found.draft);
      found.making = underWay;
      try {
        const made = await underWay;
        kept.delete(id);
        return made;
      } catch (error) {
        if (found.making === underWay) found.making = undefined;
        throw error;
      }
    },
  };
}
