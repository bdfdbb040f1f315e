/**
 * How far an install is, as numbers only, and what Ctrl-C means in it:
 *
 *   going --Ctrl-C--> finishing --Ctrl-C--> undoing --Ctrl-C--> left
 *     `------halted------^
 *
 * `finishing` begins no further host and lets those at hand come to their end; `undoing` has them take back what they did, which
 * takes as long as it takes; `left` waits for nothing, and whatever was at hand stays as it is.
 */
export type Phase = 'going' | 'finishing' | 'undoing' | 'left';

export interface Crowd {
  readonly phase: Phase;
  readonly total: number;
  readonly concurrency: number;
  /** How many were begun, in the order of the list: the next one's place. */
  readonly begun: number;
  readonly ended: number;
}

export function crowdOf(total: number, concurrency: number): Crowd {
  return { phase: 'going', total, concurrency, begun: 0, ended: 0 };
}

export const atHand = ({ begun, ended }: Crowd): number => begun - ended;

/** How many may begin now. */
export function due(crowd: Crowd): number {
  if (crowd.phase !== 'going') return 0;
  return Math.max(0, Math.min(crowd.total - crowd.begun, crowd.concurrency - atHand(crowd)));
}

export const begin = (crowd: Crowd, count: number): Crowd => ({ ...crowd, begun: crowd.begun + count });
export const end = (crowd: Crowd): Crowd => ({ ...crowd, ended: crowd.ended + 1 });

/** Nothing is at hand, and nothing will be begun. */
export function isOver(crowd: Crowd): boolean {
  return crowd.phase === 'left' || (atHand(crowd) === 0 && due(crowd) === 0);
}

/** Ctrl-C. */
export function pressed(crowd: Crowd): Crowd {
  switch (crowd.phase) {
    case 'going':
      return { ...crowd, phase: 'finishing' };
    case 'finishing':
      return { ...crowd, phase: 'undoing' };
    case 'undoing':
    case 'left':
      return { ...crowd, phase: 'left' };
  }
}

/** There is no use in beginning another one: the controller is gone. */
export const halted = (crowd: Crowd): Crowd =>
  crowd.phase === 'going' ? { ...crowd, phase: 'finishing' } : crowd;
