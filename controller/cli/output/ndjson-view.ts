import { isUtf8 } from 'node:buffer';
import { jsonLine } from './sanitise.ts';
import { wholeCharacters } from './utf8.ts';
import type { JobView, Piece, Stream } from './view.ts';

interface Encoded {
  offset: number;
  text?: string;
  base64?: string;
}

/**
 * Pieces of one stream as they go into JSON: `text` where the bytes are UTF-8, `base64` where they are not. A
 * character that was cut between two pieces waits for its rest, so that text stays text. All pieces together are the
 * stream, byte for byte.
 */
export function createEncoder(): { push(offset: number, bytes: Uint8Array): Encoded[]; end(): Encoded[] } {
  let held: Uint8Array = new Uint8Array();
  let heldAt = 0;
  const encode = (offset: number, bytes: Uint8Array): Encoded[] => {
    if (bytes.length === 0) return [];
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    return [
      isUtf8(bytes) ? { offset, text: buffer.toString() } : { offset, base64: buffer.toString('base64') },
    ];
  };
  const end = (): Encoded[] => {
    const rest = encode(heldAt, held);
    held = new Uint8Array();
    return rest;
  };
  return {
    end,
    push(offset, bytes) {
      // After a gap the rest of the character will not come.
      const before = held.length > 0 && offset !== heldAt + held.length ? end() : [];
      const start = held.length > 0 ? heldAt : offset;
      const all = held.length > 0 ? Buffer.concat([held, bytes]) : bytes;
      const cut = wholeCharacters(all);
      held = new Uint8Array(all.subarray(cut));
      heldAt = start + cut;
      return [...before, ...encode(start, all.subarray(0, cut))];
    },
  };
}

/**
 * One JSON object per line; docs/cli.md, "For scripts", is the contract. Pruned output is told in the summary: no line of it must not
 * mean that there was none.
 */
export function createNdjsonView(
  write: (line: string) => void,
  outputPrunedAtMs: number | null = null,
): JobView {
  const streams = new Map<
    string,
    Map<string, { stream: Stream; encoder: ReturnType<typeof createEncoder> }>
  >();
  const line = (value: unknown): void => write(`${jsonLine(value)}\n`);

  function encoderOf({ agentId, attempt, stream }: Piece) {
    const ofAgent = streams.get(agentId) ?? new Map();
    streams.set(agentId, ofAgent);
    const key = `${attempt}/${stream}`;
    const known = ofAgent.get(key) ?? { stream, encoder: createEncoder() };
    ofAgent.set(key, known);
    return known.encoder;
  }

  function flush(agentId: string, name: string): void {
    for (const { stream, encoder } of streams.get(agentId)?.values() ?? [])
      for (const piece of encoder.end()) line({ event: 'output', agent: name, stream, ...piece });
    streams.delete(agentId);
  }

  return {
    output(piece) {
      for (const encoded of encoderOf(piece).push(piece.offset, piece.bytes))
        line({ event: 'output', agent: piece.name, stream: piece.stream, ...encoded });
    },
    ended({ agentId, name, state, outcome }) {
      flush(agentId, name);
      line({
        event: 'outcome',
        agent: name,
        state,
        exitCode: outcome?.exitCode ?? null,
        signal: outcome?.signal ?? null,
        durationMs: outcome?.durationMs ?? null,
        outputBytes: outcome?.outputBytes ?? 0,
        truncated: outcome?.truncated ?? false,
        reason: outcome?.reason ?? null,
      });
    },
    finished({ job, counts, runs }) {
      for (const { agentId, name } of runs) flush(agentId, name);
      line({ event: 'summary', job, counts, ...(outputPrunedAtMs === null ? {} : { outputPrunedAtMs }) });
    },
  };
}
