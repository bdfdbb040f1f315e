import { open, readdir, stat } from 'node:fs/promises';
import type { StepContext } from '../step.ts';

/** Of a file that is read whole, and of what a program answers. */
const MOST_BYTES = 4 * 1024 * 1024;

/** What may be asked of this machine while a step decides whether there is anything to do. What is not there is undefined or empty. */
export function askedHost(context: StepContext) {
  let asked = 0;
  return {
    files: {
      exists: (path: string) =>
        stat(path).then(
          () => true,
          () => false,
        ),
      readText: (path: string) => readBegin(path).catch(() => undefined),
      list: (path: string) => readdir(path).catch((): string[] => []),
    },
    /** Throws an Error that says why it could not be asked. */
    async ask({ argv, env = {} }: { argv: readonly string[]; env?: Readonly<Record<string, string>> }) {
      const said = { stdout: '', stderr: '' };
      const take = (stream: 'stdout' | 'stderr', data: Uint8Array) => {
        if (said[stream].length < MOST_BYTES) said[stream] += Buffer.from(data).toString('utf8');
      };
      const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
      const words = variables.length === 0 ? argv : ['env', ...variables, ...argv];
      const end = await context.command(`need${'q'.repeat(++asked)}`, { argv: words, take });
      if (end.kind !== 'exited') throw new Error(`${argv[0]}: ${'reason' in end ? end.reason : 'was ended'}`);
      // Of the shell, which could not execute it.
      if (end.reason !== undefined) throw new Error(end.reason);
      return { exitCode: end.exitCode, ...said };
    },
  };
}

/** Files of /proc say no size. */
async function readBegin(path: string): Promise<string> {
  const file = await open(path);
  try {
    const pieces: Buffer[] = [];
    for (let at = 0; at < MOST_BYTES; ) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, null);
      if (bytesRead === 0) break;
      pieces.push(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
    return Buffer.concat(pieces).toString('utf8');
  } finally {
    await file.close();
  }
}
