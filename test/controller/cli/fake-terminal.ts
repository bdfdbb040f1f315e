import type { Sink, Surroundings } from '../../../controller/cli/surroundings.ts';
import { type VirtualClock, virtualClock } from '../../support/virtual-clock.ts';

export interface FakeSink extends Sink {
  /** Everything that was written. */
  bytes(): Buffer;
  text(): string;
}

/** What was written where, in the order in which it was: one character stream, as a terminal gets it. */
export function fakeSinks(
  terminal: { stdout?: boolean; stderr?: boolean; columns?: number; rows?: number } = {},
) {
  const screen: Buffer[] = [];
  const sink = (isTerminal: boolean): FakeSink => {
    const written: Buffer[] = [];
    return {
      isTerminal,
      columns: () => terminal.columns ?? 80,
      rows: () => terminal.rows ?? 24,
      write(data) {
        const copy = Buffer.from(data);
        written.push(copy);
        if (isTerminal) screen.push(copy);
      },
      settled: () => Promise.resolve(),
      bytes: () => Buffer.concat(written),
      text: () => Buffer.concat(written).toString(),
    };
  };
  const stdout = sink(terminal.stdout ?? false);
  const stderr = sink(terminal.stderr ?? false);
  return { stdout, stderr, screen: () => Buffer.concat(screen).toString() };
}

export interface FakeTerminal extends Surroundings {
  stdout: FakeSink;
  stderr: FakeSink;
  clock: VirtualClock;
  pressCtrlC(): void;
  /** Nobody reads stdout any longer. */
  closeStdout(): void;
  /** Questions that were asked, and whether the answer was hidden. */
  asked: [question: string, hidden: boolean][];
}

export interface FakeTerminalOptions {
  home: string;
  env?: Record<string, string>;
  /** Standard output and error are a terminal, and input too unless `stdin` is given. */
  terminal?: boolean;
  stdin?: Uint8Array;
  answers?: string[];
  clock?: Surroundings['clock'];
}

/** The world of a command, with a terminal that can be read. */
export function fakeTerminal(options: FakeTerminalOptions): FakeTerminal {
  const terminal = options.terminal ?? false;
  const { stdout, stderr } = fakeSinks({ stdout: terminal, stderr: terminal });
  const listeners = new Set<() => void>();
  const closed = new AbortController();
  const answers = [...(options.answers ?? [])];
  const asked: [string, boolean][] = [];
  let counter = 0;
  const clock = virtualClock();
  return {
    env: { MUSTER_HOME: options.home, NO_COLOR: '1', ...options.env },
    homeDirectory: options.home,
    isRoot: false,
    whoAndWhere: () => ({ user: 'kim', host: 'desk' }),
    stdout,
    stderr,
    stdin: {
      isTerminal: terminal && options.stdin === undefined,
      readAll: async () => options.stdin ?? new Uint8Array(),
    },
    async ask(question, { hidden = false } = {}) {
      asked.push([question, hidden]);
      const answer = answers.shift();
      if (answer === undefined) throw new Error(`nobody answers: ${question}`);
      return answer;
    },
    onInterrupt(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onStop(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    closed: closed.signal,
    clock,
    random: (length) => new Uint8Array(length).fill(++counter),
    pressCtrlC() {
      for (const listener of listeners) listener();
    },
    closeStdout: () => closed.abort(),
    asked,
    ...(options.clock ? { clock: Object.assign(clock, options.clock) } : {}),
  };
}
