import type { Clock } from '../../proto/clock.ts';
import type { Bus } from '../events.ts';

export interface LoopPorts {
  clock: Clock;
  bus: Pick<Bus, 'on'>;
  /** Cheap: asked once a job is over. */
  isOverCap(): Promise<boolean>;
  pass(): Promise<void>;
  onError(error: unknown): void;
}

const EVERY_MS = 3_600_000;
/** What a crash left half done is finished soon, and not while everything else begins. */
const FIRST_MS = 60_000;
/** Jobs end many times a second; so often at most is it looked at how much there is. */
const CAP_MS = 10_000;

/**
 * The one loop that removes what is kept no longer: hourly, when there is more output than may be kept, and when the disk is full.
 */
export function createLoop({ clock, bus, isOverCap, pass, onError }: LoopPorts) {
  let cancelPass = (): void => {};
  let cancelLook: (() => void) | undefined;
  let off = (): void => {};
  let running = false;

  async function wake(): Promise<void> {
    cancelPass();
    try {
      await pass();
    } catch (error) {
      onError(error);
    }
    if (running) passIn(EVERY_MS);
  }

  function passIn(ms: number): void {
    cancelPass();
    cancelPass = clock.after(ms, () => void wake());
  }

  async function look(): Promise<void> {
    cancelLook = undefined;
    try {
      if ((await isOverCap()) && running) await wake();
    } catch (error) {
      onError(error);
    }
  }

  return {
    start(): void {
      running = true;
      passIn(FIRST_MS);
      off = bus.on((event) => {
        if (event.type === 'store-full') passIn(0);
        if (event.type === 'job-ended' && !cancelLook) cancelLook = clock.after(CAP_MS, () => void look());
      });
    },
    stop(): void {
      running = false;
      off();
      cancelPass();
      cancelLook?.();
    },
  };
}
