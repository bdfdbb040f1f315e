import { Worker } from 'node:worker_threads';
import type { Lived, Wanted } from './worker.ts';

export interface PoolOptions {
  readonly threads: number;
  /** Asked for the next history whenever a thread is free; undefined: there is none any more. */
  next(): Wanted | undefined;
  done(lived: Lived): void;
}

/**
 * Lives histories in threads of their own: what the code of a process that was killed still rejects is heard there, and two cores
 * are used. Resolves when `next` has nothing left and all are done. Rejects when a thread ends by itself.
 */
export async function liveInThreads({ threads, next, done }: PoolOptions): Promise<void> {
  await Promise.all(Array.from({ length: threads }, () => oneThread(next, done)));
}

async function oneThread(next: PoolOptions['next'], done: PoolOptions['done']): Promise<void> {
  const first = next();
  if (!first) return;
  // Not what was preloaded here: a test's harness would take what the code of the dead rejects for its own.
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  try {
    await new Promise<void>((resolve, reject) => {
      worker.on('error', reject);
      worker.on('exit', (code) => reject(new Error(`a simulating thread ended with ${code}`)));
      worker.on('message', (lived: Lived) => {
        try {
          done(lived);
        } catch (cause) {
          return reject(cause);
        }
        const wanted = next();
        if (wanted) worker.postMessage(wanted);
        else resolve();
      });
      worker.postMessage(first);
    });
  } finally {
    worker.removeAllListeners('exit');
    await worker.terminate();
  }
}
