import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import type { BareRequests } from './bare-process.ts';
import { type Child, sharedMs, startChild } from './child.ts';

/** The size of the frame that carries a short command. */
const MESSAGE_BYTES = 700;
const PAGE = new Uint8Array(4096);

export interface Bare {
  /** One message there and back, between two processes. */
  echo(): Promise<number>;
  spawn(argv: readonly [string, ...string[]]): Promise<number>;
  /** One page appended to a file of this folder and made durable. */
  sync(folder: string): Promise<number>;
  stop(): Promise<void>;
}

export async function startBare(): Promise<Bare> {
  const child: Child<BareRequests> = await startChild('bare-process.ts');
  const socket = new WebSocket(await child.ask('listen'), {
    rejectUnauthorized: false,
    perMessageDeflate: false,
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const message = new Uint8Array(MESSAGE_BYTES);
  const files = new Map<string, number>();
  return {
    echo: () =>
      new Promise((resolve) => {
        const from = sharedMs();
        socket.once('message', () => resolve(sharedMs() - from));
        socket.send(message);
      }),
    spawn: (argv) => child.ask('spawn', argv),
    async sync(folder) {
      const file = files.get(folder) ?? openSync(join(folder, 'synced'), 'a');
      files.set(folder, file);
      const from = sharedMs();
      writeSync(file, PAGE);
      fdatasyncSync(file);
      return sharedMs() - from;
    },
    async stop() {
      socket.terminate();
      for (const file of files.values()) closeSync(file);
      await child.stop();
    },
  };
}
