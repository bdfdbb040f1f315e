import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { RemoteShell } from '../../controller/installer/shell.ts';
import { temporaryFolder } from './folder.ts';
import { until } from './until.ts';

/** A shell of this machine in the place of one on a host. It stays, as that does, from the first script to `end`. */
export interface LocalShell extends RemoteShell {
  readonly pid: number;
  /** Its connection breaks: what runs in it is at its end of input. */
  end(): Promise<void>;
}

/** `argv` is what carries scripts out: `['dash']`, `['busybox', 'sh']`. */
export function localShell(t: { after(fn: () => unknown): void }, argv: readonly string[]): LocalShell {
  const folder = temporaryFolder(t);
  const [program = '', ...args] = argv;
  const child: ChildProcess = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], cwd: folder });
  let said = '';
  child.stdout?.on('data', (data) => {
    said += data;
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let number = 0;
  async function end(): Promise<void> {
    child.stdin?.end();
    child.kill('SIGKILL');
    await ended;
  }
  t.after(end);
  return {
    pid: child.pid ?? 0,
    end,
    async run(script, { input, onProgress } = {}) {
      number += 1;
      const at = (what: string): string => join(folder, `${number}.${what}`);
      writeFileSync(at('sh'), script);
      spawnSync('mkfifo', [at('in')]);
      const done = `done ${number} `;
      child.stdin?.write(`( . ${at('sh')} ) <${at('in')} >${at('out')} 2>${at('err')}; echo "${done}$?"\n`);
      let bytes = 0;
      const pieces = async function* (): AsyncGenerator<Uint8Array> {
        for await (const piece of input instanceof Uint8Array ? [input] : (input ?? [])) {
          yield piece;
          bytes += piece.length;
          onProgress?.(bytes);
        }
      };
      // A script that does not read it all is no failure of its sender.
      await pipeline(Readable.from(pieces()), createWriteStream(at('in'))).catch(() => {});
      const status = await until(
        `script ${number} has ended`,
        () =>
          said
            .split('\n')
            .find((line) => line.startsWith(done))
            ?.slice(done.length),
        60_000,
      );
      const [stdout, stderr] = [readFileSync(at('out'), 'utf8'), readFileSync(at('err'), 'utf8')];
      return { status: Number(status), stdout, stderr };
    },
  };
}
