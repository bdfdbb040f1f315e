/** Programs beside this one: Node processes that answer requests, and plain ones. */
import { type ChildProcess, fork } from 'node:child_process';

/** Milliseconds of the machine's monotonic clock, which all processes share. */
export const sharedMs = (): number => Number(process.hrtime.bigint()) / 1e6;

export interface Child<Requests> {
  readonly process: ChildProcess;
  ask<N extends keyof Requests & string>(name: N, ...given: Given<Requests[N]>): Promise<Answer<Requests[N]>>;
  /** Ends it and waits until it is gone. */
  stop(): Promise<void>;
}

type Given<F> = F extends (...given: infer A) => unknown ? A : never;
type Answer<F> = F extends (...given: never[]) => infer R ? Awaited<R> : never;

/** Starts a file of this folder that calls `answer`; resolves when it listens. */
export async function startChild<Requests>(
  file: string,
  flags: readonly string[] = [],
): Promise<Child<Requests>> {
  const child = fork(new URL(file, import.meta.url), [], {
    execArgv: ['--disable-warning=ExperimentalWarning', ...flags],
    serialization: 'advanced',
  });
  let serial = 0;
  const waiting = new Map<number, (message: Reply) => void>();
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      for (const reply of waiting.values()) reply({ id: 0, error: `${file} ended` });
      resolve();
    });
  });
  child.on('message', (message: Reply) => {
    waiting.get(message.id)?.(message);
    waiting.delete(message.id);
  });
  const ask = (name: string, given: unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      serial += 1;
      waiting.set(serial, ({ value, error }) =>
        error === undefined ? resolve(value) : reject(new Error(error)),
      );
      child.send({ id: serial, name, given } satisfies Request);
    });
  await ask('ready', []);
  return {
    process: child,
    ask: (name, ...given) => ask(name, given) as never,
    async stop() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

interface Request {
  id: number;
  name: string;
  given: unknown[];
}

interface Reply {
  id: number;
  value?: unknown;
  error?: string;
}

/** In the child: answers requests until the parent lets go, then runs `stop` and ends. */
export function answer(
  requests: Readonly<Record<string, (...given: never[]) => unknown>>,
  stop: () => unknown,
): void {
  const all: Record<string, (...given: never[]) => unknown> = { ready: () => true, ...requests };
  process.on('message', async ({ id, name, given }: Request) => {
    try {
      process.send?.({ id, value: await all[name]?.(...(given as never[])) });
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.once('disconnect', async () => {
    await stop();
    process.exit();
  });
}
