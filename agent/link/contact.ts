/** Whether this agent reaches its controller, proved anew whenever it is asked. */

interface Asked {
  ping(answered: () => void): void;
}

export interface ContactLine {
  /**
   * Resolves once the controller has answered, in a session with it, what was asked of it after this call. That a session is there proves
   * nothing: it may not have noticed yet that its link is dead. Never where the signal aborts.
   */
  reached(signal: AbortSignal): Promise<void>;
  /** A session is up. */
  opened(session: Asked): void;
  closed(): void;
}

export function createContactLine(): ContactLine {
  const waiting = new Set<() => void>();
  let session: Asked | undefined;
  return {
    reached: (signal) =>
      new Promise((resolve) => {
        const done = (): void => {
          waiting.delete(done);
          resolve();
        };
        if (signal.aborted) return;
        waiting.add(done);
        signal.addEventListener('abort', () => waiting.delete(done), { once: true });
        session?.ping(done);
      }),
    opened(made) {
      session = made;
      for (const done of waiting) made.ping(done);
    },
    closed() {
      session = undefined;
    },
  };
}
