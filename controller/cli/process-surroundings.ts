import { homedir, hostname, userInfo } from 'node:os';
import { isatty } from 'node:tty';
import { systemClock, systemRandom } from '../../proto/system.ts';
import { EXIT, Failure, wrongUse } from './failure.ts';
import type { Sink, Surroundings } from './surroundings.ts';

/** The terminal, the signals and the environment of this process. Only main.ts uses it. */
export function processSurroundings(): Surroundings {
  const closed = new AbortController();
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader is gone (`| head`), which is its good right; a full disk is not.
    if (error.code !== 'EPIPE') {
      process.exitCode = EXIT.refused;
      process.stderr.write(`muster: the output cannot be written: ${error.message}\n`);
    }
    closed.abort();
  });
  // Notes that nobody can read are not worth dying for.
  process.stderr.on('error', () => {});
  return {
    env: process.env,
    homeDirectory: homedir(),
    isRoot: process.getuid?.() === 0,
    whoAndWhere,
    stdout: sinkOf(process.stdout, closed.signal),
    stderr: sinkOf(process.stderr, closed.signal),
    // Asked of the descriptor: opening process.stdin costs time that most commands need not spend.
    stdin: { isTerminal: isatty(0), readAll },
    ask,
    onInterrupt: (listener) => subscribe(['SIGINT'], listener),
    onStop: (listener) => subscribe(['SIGINT', 'SIGTERM', 'SIGHUP'], listener),
    closed: closed.signal,
    clock: systemClock,
    random: systemRandom,
  };
}

function whoAndWhere(): { user: string; host: string } {
  try {
    return { user: userInfo().username, host: hostname() };
  } catch {
    // No account has this number, as in a container.
    return { user: String(process.getuid?.() ?? 'unknown'), host: hostname() };
  }
}

function subscribe(signals: readonly NodeJS.Signals[], listener: () => void): () => void {
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}

function sinkOf(stream: NodeJS.WriteStream, closed: AbortSignal): Sink {
  return {
    isTerminal: stream.isTTY === true,
    // A terminal that does not know its size says 0.
    columns: () => stream.columns || 80,
    rows: () => stream.rows || 24,
    write(data) {
      if (data.length > 0 && stream.writable) stream.write(data);
    },
    settled() {
      if (!stream.writableNeedDrain || closed.aborted) return Promise.resolve();
      return new Promise((resolve) => {
        const done = (): void => {
          stream.off('drain', done);
          closed.removeEventListener('abort', done);
          resolve();
        };
        stream.once('drain', done);
        closed.addEventListener('abort', done);
      });
    },
  };
}

async function readAll(maxBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of process.stdin as AsyncIterable<Uint8Array>) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > maxBytes) throw wrongUse(`standard input has more than ${maxBytes} bytes`);
  }
  return Buffer.concat(pieces);
}

async function ask(question: string, { hidden = false } = {}): Promise<string> {
  const { createInterface } = await import('node:readline');
  const { Writable } = await import('node:stream');
  // readline echoes what is typed to its output; for a secret that is nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({
    input: process.stdin,
    output: hidden ? nowhere : process.stderr,
    terminal: true,
  });
  if (hidden) process.stderr.write(question);
  let answered = false;
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.question(hidden ? '' : question, (answer) => {
        answered = true;
        resolve(answer);
      });
      lines.once('SIGINT', () => reject(new Failure(EXIT.detached, 'nothing was done')));
      lines.once('close', () => reject(wrongUse('nothing was answered')));
    });
  } finally {
    if (hidden || !answered) process.stderr.write('\n');
    lines.close();
    process.stdin.pause();
  }
}
