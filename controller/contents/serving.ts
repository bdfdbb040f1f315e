/**
 * The loop that sends contents. Agents ask for ranges; whoever waits gets a little in turn, and only while little waits on
 * his session: orders and cancels never queue behind a file, and what is held for all agents together has an end. Reads come from
 * the disk as there is room; nothing is kept between turns.
 *
 * It wakes with a request and ends when no range is left; it rests while nobody has room.
 */
import { delay } from '../../proto/clock.ts';
import type { Message } from '../../proto/codec.ts';
import { chunksOf, openChunk, SEALED_CHUNK_BYTES } from '../../proto/content.ts';
import { type ErrorCode, MusterError } from '../../proto/errors.ts';
import { toHex } from '../../proto/ids.ts';
import { KIB, MIB } from '../../proto/limits.ts';
import { checkContentRequest } from '../../proto/validate.ts';
import { openContentKey } from './keys.ts';
import type { ContentPorts } from './ports.ts';
import { contentDamaged, contentForRun } from './store.ts';

export interface Serving {
  /** Throws MusterError('malformed') where the agent breaks the protocol; its session must then end. */
  request(from: { agentId: string }, message: Message<'ContentRequest'>): Promise<void>;
  /** Its session ended, or another one began: what it had asked for it asks for again. */
  forget(agentId: string): void;
  stop(): void;
}

interface Range {
  sha512: Uint8Array;
  length: number;
  key: Uint8Array;
  next: number;
  end: number;
}

/** Chunks in a turn. */
const TURN_CHUNKS = 2;
/** An agent with so much before it waits for its next turn; a turn may come on top. */
const PER_AGENT_BYTES = 192 * KIB;
/** All agents wait while so much is held for those that were sent to. */
const TOGETHER_BYTES = 64 * MIB;
/** Ranges that one agent may wait for. */
const RANGES_PER_AGENT = 16;
const SLICE_MS = 4;
const REST_MS = 5;

export function createServing(ports: ContentPorts): Serving {
  const { clock, db, disk, links, log } = ports;
  const waiting = new Map<string, Range[]>();
  /** Agent id -> what its session held when it was last looked at. */
  const held = new Map<string, number>();
  let together = 0;
  const stopping = new AbortController();
  let running = false;
  let turnedMs = 0;

  function refuse(agentId: string, sha512: Uint8Array, code: ErrorCode, detail: string): void {
    log.info({ agent: agentId, content: toHex(sha512).slice(0, 16), code, detail }, 'content refused');
    links.send(agentId, 'contentRefusal', { sha512, code, detail });
  }

  async function request(
    { agentId }: { agentId: string },
    message: Message<'ContentRequest'>,
  ): Promise<void> {
    checkContentRequest(message);
    const { sha512, from, count } = message;
    const [row] = await db.read(
      contentForRun({ jobId: toHex(message.jobId), agentId, sha512: toHex(sha512) }),
    );
    if (!row) return refuse(agentId, sha512, 'content-refused', 'no job that is at work here names it');
    if (from + count > chunksOf(row.length))
      return refuse(agentId, sha512, 'content-refused', 'it does not have these chunks');
    const ranges = waiting.get(agentId) ?? [];
    if (ranges.length >= RANGES_PER_AGENT) throw new MusterError('malformed', 'too many content requests');
    const key = openContentKey(row.key_box, ports.sealingKey);
    ranges.push({ sha512, length: row.length, key, next: from, end: from + count });
    waiting.set(agentId, ranges);
    if (running || stopping.signal.aborted) return;
    running = true;
    // It rejects only when it is stopped.
    run().catch(() => {});
  }

  async function run(): Promise<void> {
    turnedMs = clock.monotonicMs();
    while (waiting.size > 0) {
      for (const agentId of held.keys()) look(agentId);
      if (!(await pass())) await rest(REST_MS);
    }
    for (const agentId of held.keys()) look(agentId);
    running = false;
  }

  /** One turn for everybody who has room. */
  async function pass(): Promise<boolean> {
    let moved = false;
    for (const [agentId, ranges] of waiting) {
      if (together >= TOGETHER_BYTES) return moved;
      const [range] = ranges;
      if (!range || look(agentId) >= PER_AGENT_BYTES) continue;
      moved = true;
      await turn(agentId, ranges, range);
      look(agentId);
      if (clock.monotonicMs() - turnedMs >= SLICE_MS) await rest(0);
    }
    return moved;
  }

  async function turn(agentId: string, ranges: Range[], range: Range): Promise<void> {
    const { sha512, length, key, next } = range;
    const end = Math.min(range.end, next + TURN_CHUNKS);
    let sealed: Uint8Array | undefined;
    try {
      sealed = await disk.read(toHex(sha512), next * SEALED_CHUNK_BYTES, (end - next) * SEALED_CHUNK_BYTES);
    } catch (cause) {
      log.error({ err: cause, content: toHex(sha512).slice(0, 16) }, 'content could not be read');
    }
    // Its session ended meanwhile.
    if (waiting.get(agentId) !== ranges) return;
    for (let index = next; index < end; index++) {
      const at = (index - next) * SEALED_CHUNK_BYTES;
      const data = sealed?.subarray(at, at + SEALED_CHUNK_BYTES) ?? new Uint8Array(0);
      if (!openChunk(key, length, index, data)) {
        leave(agentId, ranges, range);
        return damaged(agentId, sha512);
      }
      if (!links.send(agentId, 'contentChunk', { sha512, index, data })) return forget(agentId);
    }
    range.next = end;
    if (end === range.end) leave(agentId, ranges, range);
  }

  function leave(agentId: string, ranges: Range[], range: Range): void {
    ranges.splice(ranges.indexOf(range), 1);
    if (ranges.length === 0) waiting.delete(agentId);
  }

  /** What is on the disk is not what was written. It counts as not uploaded, so that uploading it again mends it. */
  function damaged(agentId: string, sha512: Uint8Array): void {
    log.error({ content: toHex(sha512).slice(0, 16) }, 'stored content is damaged; upload it again');
    refuse(agentId, sha512, 'content-corrupt', "the controller's copy is damaged; upload it again");
    db.write([contentDamaged({ sha512: toHex(sha512) })]).catch((error: unknown) =>
      log.error({ err: error }, 'damage could not be stored'),
    );
  }

  function look(agentId: string): number {
    const bytes = links.buffered(agentId);
    together += bytes - (held.get(agentId) ?? 0);
    if (bytes > 0) held.set(agentId, bytes);
    else held.delete(agentId);
    return bytes;
  }

  async function rest(ms: number): Promise<void> {
    await delay(clock, ms, stopping.signal);
    turnedMs = clock.monotonicMs();
  }

  const forget = (agentId: string): void => void waiting.delete(agentId);

  return { request, forget, stop: () => stopping.abort() };
}
