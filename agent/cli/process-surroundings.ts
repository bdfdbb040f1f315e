import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { hostname } from 'node:os';
import { isatty } from 'node:tty';
import { sha512 } from '../../proto/crypto.ts';
import { toHex } from '../../proto/ids.ts';
import { systemClock, systemRandom } from '../../proto/system.ts';
import type { Surroundings } from './surroundings.ts';

/** More than any token is, and any trust chain. */
const READ_BYTES = 16 * 1024;
const STDIN_BYTES = 8 * 1024 * 1024;

/** The command line's surroundings when it is a process. What few commands use is loaded, or looked at, when they do: an install waits. */
export function processSurroundings(): Surroundings {
  return {
    env: process.env,
    clock: systemClock,
    random: systemRandom,
    dialVia: (via) => async (url, signal) => (await import('../link/transport.ts')).dialVia(via)(url, signal),
    stdinIsTerminal: isatty(0),
    readStdin,
    readFile,
    ask,
    print: (text) => void process.stdout.write(text),
    note: (text) => void process.stderr.write(text),
    get columns() {
      return process.stderr.columns ?? 80;
    },
    hostname,
    machineId,
    onStop,
    endWithin,
  };
}

async function readStdin(): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of process.stdin) {
    parts.push(part as Buffer);
    length += (part as Buffer).length;
    if (length > STDIN_BYTES) throw new Error('too much came on standard input');
  }
  return Buffer.concat(parts).toString('utf8');
}

function readFile(path: string): string {
  const fd = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(READ_BYTES);
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, READ_BYTES, 0));
  } finally {
    closeSync(fd);
  }
}

async function ask(question: string, hidden: boolean): Promise<string> {
  const [{ createInterface }, { Writable }] = await Promise.all([
    import('node:readline'),
    import('node:stream'),
  ]);
  const mute = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({
    input: process.stdin,
    output: hidden ? mute : process.stderr,
    terminal: process.stdin.isTTY === true,
  });
  process.stderr.write(hidden ? question : '');
  return new Promise((resolve) => {
    let answer = '';
    lines.on('close', () => {
      if (hidden) process.stderr.write('\n');
      resolve(answer);
    });
    lines.question(hidden ? '' : question, (line) => {
      answer = line;
      lines.close();
    });
  });
}

/** The machine id itself is not to leave the machine (machine-id(5)); this hash is the one that the facts have. */
function machineId(): string {
  try {
    const text = readFileSync('/etc/machine-id', 'utf8').trim();
    return text === '' ? '' : toHex(sha512(Buffer.from(`muster/v1/machine-id\0${text}`))).slice(0, 32);
  } catch {
    return '';
  }
}

function onStop(stop: () => void): void {
  let asked = false;
  const heard = (signal: NodeJS.Signals): void => {
    if (asked) process.exit(signal === 'SIGINT' ? 130 : 143);
    asked = true;
    stop();
  };
  process.on('SIGTERM', heard);
  process.on('SIGINT', heard);
}

/** A thread that a file system holds up keeps the loop from running empty, and process.exit() waits for it as well. */
function endWithin(ms: number): void {
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), ms).unref();
}
