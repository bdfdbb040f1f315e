import { isUtf8 } from 'node:buffer';
import { jsonLine } from './sanitise.ts';
import { changeOf } from './task-results.ts';
import { wholeCharacters } from './utf8.ts';
import type { JobView, Piece, Stream } from './view.ts';

interface Encoded {
  offset: number;
  position: number;
  text?: string;
  base64?: string;
}

/**
 * Pieces of one stream as they go into JSON: `text` where the bytes are UTF-8, `base64` where they are not. A
 * character that was cut between two pieces waits for its rest, so that text stays text. All pieces together are the
 * stream, byte for byte.
 */
export function createEncoder(): {
  push(piece: Pick<Piece, 'offset' | 'position' | 'bytes'>): Encoded[];
  end(): Encoded[];
} {
  let held: Uint8Array = new Uint8Array();
  let heldAt = { offset: 0, position: 0 };
  const encode = (at: typeof heldAt, bytes: Uint8Array): Encoded[] => {
    if (bytes.length === 0) return [];
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    return [
      isUtf8(bytes) ? { ...at, text: buffer.toString() } : { ...at, base64: buffer.toString('base64') },
    ];
  };
  const end = (): Encoded[] => {
    const rest = encode(heldAt, held);
    held = new Uint8Array();
    return rest;
  };
  return {
    end,
    push({ offset, position, bytes }) {
      // After a gap the rest of the character will not come.
      const before = held.length > 0 && offset !== heldAt.offset + held.length ? end() : [];
      const start = held.length > 0 ? heldAt : { offset, position };
      const all = held.length > 0 ? Buffer.concat([held, bytes]) : bytes;
      const cut = wholeCharacters(all);
      // Where the rest begins in the run's output counts from this piece: another stream's may lie between.
      const fresh = all.length - bytes.length;
      if (cut >= fresh) heldAt = { offset: start.offset + cut, position: position + cut - fresh };
      held = new Uint8Array(all.subarray(cut));
      return [...before, ...encode(start, all.subarray(0, cut))];
    },
  };
}

/**
 * One JSON object per line; docs/cli.md, "For scripts", is the contract. `names`: of the job's tasks. Pruned output is told in the
 * summary: no line of it must not mean that there was none.
 */
export function createNdjsonView(
  write: (line: string) => void,
  names: readonly string[],
  outputPrunedAtMs: number | null = null,
): JobView {
  const streams = new Map<
    string,
    Map<string, { attempt: number; stream: Stream; encoder: ReturnType<typeof createEncoder> }>
  >();
  const line = (value: unknown): void => write(`${jsonLine(value)}\n`);

  function encoderOf({ agentId, attempt, stream }: Piece) {
    const ofAgent = streams.get(agentId) ?? new Map();
    streams.set(agentId, ofAgent);
    const key = `${attempt}/${stream}`;
    const known = ofAgent.get(key) ?? { attempt, stream, encoder: createEncoder() };
    ofAgent.set(key, known);
    return known.encoder;
  }

  function flush(agentId: string, name: string): void {
    for (const { attempt, stream, encoder } of streams.get(agentId)?.values() ?? [])
      for (const piece of encoder.end()) line({ event: 'output', agent: name, attempt, stream, ...piece });
    streams.delete(agentId);
  }

  return {
    output(piece) {
      for (const encoded of encoderOf(piece).push(piece))
        line({
          ...{ event: 'output', agent: piece.name, attempt: piece.attempt, stream: piece.stream },
          ...encoded,
        });
    },
    task({ name, attempt, task }) {
      // One task's beginning is that of its run, which nobody asked for.
      if (task !== null && names.length > 1)
        line({ event: 'task', agent: name, attempt, index: task, name: names[task] ?? '' });
    },
    ended({ agentId, name, state, attempt, outcome, tasks }) {
      flush(agentId, name);
      line({
        event: 'outcome',
        agent: name,
        state,
        attempt,
        exitCode: outcome?.exitCode ?? null,
        signal: outcome?.signal ?? null,
        durationMs: outcome?.durationMs ?? null,
        outputBytes: outcome?.outputBytes ?? 0,
        storedBytes: outcome?.storedBytes ?? 0,
        truncated: outcome?.truncated ?? false,
        gaps: outcome?.gaps ?? [],
        reason: outcome?.reason ?? null,
        code: outcome?.code ?? null,
        awaySinceMs: outcome?.awaySinceMs ?? null,
        change: changeOf(tasks),
        tasks: tasks.map((task) => ({ ...task, name: names[task.index] ?? '' })),
      });
    },
    finished({ job, counts, runs }) {
      for (const { agentId, name } of runs) flush(agentId, name);
      line({ event: 'summary', job, counts, ...(outputPrunedAtMs === null ? {} : { outputPrunedAtMs }) });
    },
  };
}
