import { constants, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';

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
 * Opens without waiting for a writer. Before the first writer the kernel reports no end of file to those who wait
 * for events, so that the reader may come first. `onData` gets bytes that are good until it returns.
 */
export function openFifo(path: string, onData: (data: Uint8Array) => void, onError: () => void): Fifo {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
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
