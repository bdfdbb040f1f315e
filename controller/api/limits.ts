import type { ServerOptions } from 'node:https';
import { LIMITS, MIB } from '../../proto/limits.ts';

/** Every cap of the operators' door. Sizes in bytes, times in milliseconds, unless the name says otherwise. */
export const API_LIMITS = {
  bodyBytes: 2 * MIB,
  /** A plan for 10,000 hosts, grouped. */
  largeBodyBytes: 16 * MIB,
  headers: 100,
  headerBytes: 16 * 1024,
  /** A target list of 10,000 long names. */
  targetsChars: 768 * 1024,
  selectorChars: 16 * 1024,
  idChars: 64,
  tokenChars: 512,
  idempotencyKeyChars: 128,
  operatorChars: 64,
  pathChars: 4096,
  userChars: 256,
  rolloutNameChars: 100,
  rolloutHosts: 100_000,
  rolloutWaves: 1_000,
  /** As rollouts/start.ts has it. */
  rolloutOrders: 2_000,
  rolloutProbes: 32,
  rolloutWindows: 64,
  digestChars: 160,
  listDefault: 50,
  listMax: 1000,
  tokenUsesMax: 10_000,
  tokenTtlMaxMs: LIMITS.ttlMaxMs,
  pruneMaxMs: 100 * 366 * 86_400_000,
  operatorTtlMaxMs: 10 * 366 * 86_400_000,

  /** Streams of events and output at a time; each holds one page of history. */
  streams: 100,
  /** Downloads of builds by whoever comes. */
  downloads: 48,
  heartbeatMs: 15_000,
  /** A reader that takes no piece (32 to 100 KiB) for so long is gone. */
  stallMs: 120_000,
  /** One that has not taken its piece for so long gives its place to whoever comes, where there is no other. */
  slowMs: 5_000,
  /** Rows of history per page: few where they are large. */
  pageRowsMin: 4,
  pageRowsMax: 64,
  pageBytes: 256 * 1024,

  readyMs: 2_000,
  drainMs: 5_000,
} as const;

/** What a request gets that leaves it out. */
export const API_DEFAULTS = {
  runTimeoutMs: 3_600_000,
  runTtlMs: 15_000,
  tokenTtlMs: 15 * 60_000,
} as const;

/** For whoever makes the (HTTPS or HTTP) server that both doors share. */
export const SERVER_OPTIONS = {
  maxHeaderSize: API_LIMITS.headerBytes,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
  handshakeTimeout: 10_000,
} as const satisfies ServerOptions;
