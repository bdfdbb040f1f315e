/** One thing at a time for each rollout; what wakes it several times meanwhile is one more look. */
export function createLanes(look: (id: string) => Promise<void>) {
  const tails = new Map<string, Promise<unknown>>();
  const woken = new Set<string>();

  function inLane<T>(id: string, work: () => Promise<T>): Promise<T> {
    const before = tails.get(id) ?? Promise.resolve();
    const mine = before.then(work, work);
    const tail = mine.catch(() => {});
    tails.set(id, tail);
    tail.finally(() => {
      if (tails.get(id) === tail) tails.delete(id);
    });
    return mine;
  }

  return {
    inLane,
    /** Has it looked at soon; `look` does not reject. */
    wake(id: string): void {
      if (woken.has(id)) return;
      woken.add(id);
      void inLane(id, async () => {
        woken.delete(id);
        await look(id);
      });
    },
  };
}
