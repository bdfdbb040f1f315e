/**
 * What happens in the controller, as one typed union on one bus: engines wake on it, the live view streams it, tests
 * wait on it. An event says only that there is something new; what it is, is read from the store. So it is emitted after
 * the commit of what it tells, and a listener that comes late loses nothing that matters.
 */
export type ControllerEvent =
  /** `job-changed`: new rows in run_events of this job. */
  | About<'job-changed' | 'job-created' | 'job-ended', { readonly jobId: string }>
  /** A run has an outcome, or another one than before: a late word. */
  | About<'run-over', { readonly jobId: string; readonly agentId: string }>
  /** `rollout-changed`: new rows in rollout_events of it. */
  | About<'rollout-changed', { readonly rolloutId: string }>
  /** The agent said that it removes itself, as this job ordered, and has its receipt. */
  | About<'agent-left', { readonly jobId: string; readonly agentId: string }>
  | About<
      'agent-online' | 'agent-offline' | 'agent-changed' | 'agent-removed' | 'agent-enrolled',
      { readonly agentId: string }
    >
  /**
   * `store-full`: nothing new is taken on, `store-room`: it is again. `store-writable`: after writes that failed, the first that
   * worked.
   */
  | { readonly type: 'stopping' | 'store-full' | 'store-room' | 'store-writable' };

/** One member of the union for each type, so that a test of `type` narrows. */
type About<Type extends string, Subject> = Type extends string ? { readonly type: Type } & Subject : never;

export type Listener = (event: ControllerEvent) => void;

export interface Bus {
  /** Calls every listener there is now, in the order they came, before it returns. */
  emit(event: ControllerEvent): void;
  /** The returned function ends the subscription; calling it twice does no harm. */
  on(listener: Listener): () => void;
  /** The first event from now on that the predicate accepts. Rejects with the signal's reason when it aborts. */
  waitFor<E extends ControllerEvent>(
    predicate: (event: ControllerEvent) => event is E,
    signal?: AbortSignal,
  ): Promise<E>;
  waitFor(predicate: (event: ControllerEvent) => boolean, signal?: AbortSignal): Promise<ControllerEvent>;
}

export interface BusOptions {
  /** Takes what a listener threw; the other listeners are called all the same. */
  onError(error: unknown, event: ControllerEvent): void;
}

export function createBus({ onError }: BusOptions): Bus {
  // A record per subscription, so that the same function may listen twice.
  const subscriptions = new Set<{ readonly listener: Listener }>();

  function on(listener: Listener): () => void {
    const subscription = { listener };
    subscriptions.add(subscription);
    return () => {
      subscriptions.delete(subscription);
    };
  }

  function emit(event: ControllerEvent): void {
    for (const subscription of [...subscriptions]) {
      if (!subscriptions.has(subscription)) continue; // ended by a listener before it
      try {
        subscription.listener(event);
      } catch (error) {
        onError(error, event);
      }
    }
  }

  function waitFor(
    predicate: (event: ControllerEvent) => boolean,
    signal?: AbortSignal,
  ): Promise<ControllerEvent> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const off = on((event) => {
        try {
          if (!predicate(event)) return;
        } catch (error) {
          end();
          return reject(error);
        }
        end();
        resolve(event);
      });
      const onAbort = (): void => {
        end();
        reject(signal?.reason);
      };
      const end = (): void => {
        off();
        signal?.removeEventListener('abort', onAbort);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  return { emit, on, waitFor: waitFor as Bus['waitFor'] };
}
