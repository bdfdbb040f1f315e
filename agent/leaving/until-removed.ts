/** What can be stopped, and may be over by itself. */
export interface Removal {
  /** Lets go of it; it goes on. */
  stop(): Promise<void>;
  readonly removed: Promise<void>;
}

/**
 * The life of an agent that may be told to remove itself: it ends first, so that nobody writes where everything goes, then the removal
 * begins. Stopped before that, it does not begin: it is marked, and the next start goes on with it.
 */
export function untilRemoved<Options>(
  end: () => Promise<void>,
  released: Promise<Options>,
  remove: (options: Options) => Removal,
): Removal {
  let ended: Promise<void> | undefined;
  let removal: Removal | undefined;
  let stopped = false;
  const endOnce = (): Promise<void> => {
    ended ??= end();
    return ended;
  };
  return {
    async stop() {
      stopped = true;
      await endOnce();
      await removal?.stop();
    },
    removed: released.then(async (options) => {
      await endOnce();
      if (stopped) return new Promise(() => {});
      removal = remove(options);
      await removal.removed;
    }),
  };
}
