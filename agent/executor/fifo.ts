import {
  closeSync,
  constants,
  fstatSync,
  futimesSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';

/** The reading end of a named pipe that somebody else holds open for writing. */
export interface Fifo {
  pause(): void;
  resume(): void;
  /**
   * Reads, without waiting, what is in the pipe, and closes it. Returns true if a process still holds the other end
   * (its later output is lost), or if there was more than a pipe can have held when this began.
   */
  drain(): boolean;
  close(): void;
}

/** The most that a pipe of an unprivileged process holds (/proc/sys/fs/pipe-max-size); 64 KiB is usual. */
const PIPE_BYTES = 1024 * 1024;

/** What is read is copied or counted at once by whoever is called, so one buffer serves every pipe. */
const buffer = Buffer.allocUnsafe(64 * 1024);

/**
 * Whether something was read from a pipe and never reached its log is what an agent wants to know of one that was killed.
 * The kernel says it: reading sets a file's time of access. So that is set to 0 once what was read is in the log, and any
 * other time says that a read came after. The kernel's other time says whether anything was ever written.
 */
const UNTOUCHED_S = 0;
const LOGGED_S = 1;
/** The time of access where the file system does not keep it (noatime): nothing is known then. */
const UNKNOWN_S = 5;

/** What the times of a pipe say. Throws what the disk throws. */
export function traceOf(path: string): { readonly mayLack: boolean; readonly wasUsed: boolean } {
  const { atimeMs, mtimeMs } = statSync(path);
  return { mayLack: atimeMs !== UNTOUCHED_S, wasUsed: atimeMs !== UNTOUCHED_S || mtimeMs !== UNTOUCHED_S };
}

/** Whether files in this folder keep the time of their last reading. Throws what the disk throws. */
export function keepsReadTimes(folder: string): boolean {
  const path = join(folder, `read-time-${process.pid}`);
  const fd = openSync(path, 'w+', 0o600);
  try {
    writeSync(fd, 'x');
    futimesSync(fd, UNTOUCHED_S, LOGGED_S);
    readSync(fd, Buffer.alloc(1), 0, 1, 0);
    return fstatSync(fd).atimeMs !== UNTOUCHED_S;
  } finally {
    closeSync(fd);
    rmSync(path, { force: true });
  }
}

export interface FifoOptions {
  /** Bytes are good until it returns. False when they are not in the log by then. */
  onData(data: Uint8Array): boolean;
  onError(): void;
  /** Whether its file system keeps times of access. */
  readonly keepsTimes: boolean;
  /** Nobody has written to it before. */
  readonly isNew: boolean;
}

/**
 * Opens without waiting for a writer. Before the first writer the kernel reports no end of file to those who wait
 * for events, so that the reader may come first.
 */
export function openFifo(path: string, options: FifoOptions): Fifo {
  const { onError, keepsTimes } = options;
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const setTimes = (modifiedS: number): void => {
    try {
      futimesSync(fd, keepsTimes ? UNTOUCHED_S : UNKNOWN_S, modifiedS);
    } catch {
      // Then the time of access stays, and says less than is known.
    }
  };
  setTimes(options.isNew ? UNTOUCHED_S : LOGGED_S);
  const onData = (data: Uint8Array): void => {
    if (options.onData(data)) setTimes(LOGGED_S);
  };
  const socket = new Socket({
    fd,
    readable: true,
    writable: false,
    onread: {
      buffer,
      callback(length, data) {
        onData(data.subarray(0, length));
        return true;
      },
    },
  });
  socket.on('error', onError);

  /** How much was read; 0 at the end of the file, undefined where reading would wait. */
  function readOnce(): number | undefined {
    try {
      return readSync(fd, buffer);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return undefined;
      onError();
      return 0;
    }
  }

  return {
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    drain() {
      // After its end the socket has closed the descriptor, whose number may be somebody else's by now.
      if (socket.destroyed) return false;
      let held = true;
      for (let total = 0; total < PIPE_BYTES; ) {
        const length = readOnce();
        if (length) onData(buffer.subarray(0, length));
        else {
          held = length === undefined;
          break;
        }
        total += length;
      }
      socket.destroy();
      return held;
    },
    close: () => void socket.destroy(),
  };
}
