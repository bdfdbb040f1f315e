import type { Clock } from '../../proto/clock.ts';

/**
 * What Ctrl-C means while a job is followed:
 *
 *   following --Ctrl-C--> asked --Ctrl-C--> cancelling --Ctrl-C--> left
 *                           `--3 s pass--> left
 *
 * The first one harms nothing; only a second one within the three seconds stops what runs on the hosts.
 */
export type Phase = 'following' | 'asked' | 'cancelling' | 'left';
export type Action = 'show-state' | 'cancel' | 'detach' | 'none';

/** How long the question of the first Ctrl-C stands. */
export const ASKED_MS = 3000;

export function pressed(phase: Phase): { phase: Phase; action: Action } {
  switch (phase) {
    case 'following':
      return { phase: 'asked', action: 'show-state' };
    case 'asked':
      return { phase: 'cancelling', action: 'cancel' };
    case 'cancelling':
      return { phase: 'left', action: 'detach' };
    case 'left':
      return { phase: 'left', action: 'none' };
  }
}

export function waited(phase: Phase): { phase: Phase; action: Action } {
  return phase === 'asked' ? { phase: 'left', action: 'detach' } : { phase, action: 'none' };
}

export interface Interrupts {
  clock: Pick<Clock, 'after'>;
  /** Subscribes to Ctrl-C; the returned function ends it. */
  subscribe(listener: () => void): () => void;
  act(action: Exclude<Action, 'none'>): void;
}

/** Runs the machine above until the returned function is called. */
export function watchInterrupts({ clock, subscribe, act }: Interrupts): () => void {
  let phase: Phase = 'following';
  let cancelTimer = (): void => {};
  const take = (step: { phase: Phase; action: Action }): void => {
    phase = step.phase;
    if (step.action !== 'none') act(step.action);
  };
  const unsubscribe = subscribe(() => {
    take(pressed(phase));
    if (phase === 'asked') cancelTimer = clock.after(ASKED_MS, () => take(waited(phase)));
  });
  return () => {
    cancelTimer();
    unsubscribe();
  };
}
