import { createHash, type Hash } from 'node:crypto';
import type { Piece, Stream } from './view.ts';

export interface Collected {
  /** Equal for equal outputs: both streams, each byte for byte; how they interleaved does not count. */
  digest: string;
  bytes: number;
  /** The beginning, both streams in the order of arrival. */
  sample: Uint8Array;
  /** Whether the sample is all of it. */
  complete: boolean;
}

export interface Collector {
  push(piece: Piece): void;
  /** The run is over: equal outputs share one sample from now on. */
  ended(agentId: string): void;
  get(agentId: string): Collected;
}

interface Gathered {
  attempt: number;
  hashes: Record<Stream, Hash>;
  pieces: Uint8Array[];
  held: number;
  bytes: number;
  complete: boolean;
  final: Collected | undefined;
}

/**
 * What each host wrote, to find out who wrote the same. Keeps at most `sampleBytes` of one host and `budgetBytes` of
 * all together.
 */
export function createCollector(limits: { sampleBytes: number; budgetBytes: number }): Collector {
  const hosts = new Map<string, Gathered>();
  const samples = new Map<string, Uint8Array>();
  let budget = limits.budgetBytes;

  function of(agentId: string, attempt = hosts.get(agentId)?.attempt ?? 0): Gathered {
    const before = hosts.get(agentId);
    // A run that was begun anew wrote what its last attempt wrote.
    if (before && attempt > before.attempt) {
      if (!before.final) budget += before.held;
      hosts.delete(agentId);
    }
    const known = hosts.get(agentId) ?? {
      attempt,
      hashes: { stdout: createHash('sha256'), stderr: createHash('sha256') },
      pieces: [],
      held: 0,
      bytes: 0,
      complete: true,
      final: undefined,
    };
    hosts.set(agentId, known);
    return known;
  }

  function current(host: Gathered): Collected {
    const { hashes, pieces, bytes, complete } = host;
    const digest = `${hashes.stdout.copy().digest('hex')}${hashes.stderr.copy().digest('hex')}`;
    return { digest, bytes, sample: Buffer.concat(pieces), complete };
  }

  return {
    push({ agentId, attempt, stream, bytes, missingBytes }) {
      const host = of(agentId, attempt);
      // More after an outcome: a late real one replaces it.
      if (host.final) Object.assign(host, { pieces: [host.final.sample], final: undefined });
      // Two outputs with holes are never the same.
      if (missingBytes > 0) host.hashes[stream].update(`gap ${agentId}`);
      host.hashes[stream].update(bytes);
      host.bytes += bytes.length;
      const room = Math.max(0, Math.min(limits.sampleBytes - host.held, budget, bytes.length));
      if (room < bytes.length) host.complete = false;
      if (room === 0) return;
      host.pieces.push(new Uint8Array(bytes.subarray(0, room)));
      host.held += room;
      budget -= room;
    },
    ended(agentId) {
      const host = of(agentId);
      if (host.final) return;
      const final = current(host);
      const twin = final.complete ? samples.get(final.digest) : undefined;
      if (twin) budget += host.held;
      else if (final.complete) samples.set(final.digest, final.sample);
      host.final = { ...final, sample: twin ?? final.sample };
      host.pieces = [];
    },
    get(agentId) {
      const host = of(agentId);
      return host.final ?? current(host);
    },
  };
}
