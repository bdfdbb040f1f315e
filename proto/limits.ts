/** Every cap in one place. Sizes in bytes, times in milliseconds, unless the name says otherwise. */

export const KIB = 1024;
export const MIB = 1024 * KIB;

export const LIMITS = {
  // identities and names
  keyIdBytes: 16,
  publicKeyBytes: 32,
  signatureBytes: 64,
  hashBytes: 32,
  nonceBytes: 32,
  jobIdBytes: 16,
  nameChars: 253,
  labelKeyChars: 63,
  labelValueChars: 63,
  labelsPerAgent: 64,

  // trust
  trustDocumentBytes: 64 * KIB,
  trustChainDocuments: 64,
  trustEntries: 256,

  // orders
  orderBytes: MIB,
  signedOrderBytes: MIB + 16 * KIB,
  chunkBytes: 64 * KIB,
  paramsBytes: 256 * KIB,
  tasksPerOrder: 256,
  signaturesPerOrder: 8,
  proofHashes: 20,
  targetsPerOrder: 1 << 20,
  argvItems: 4096,
  argBytes: 128 * KIB,
  envItems: 256,
  reasonChars: 500,
  stdinBytes: 768 * KIB,
  scriptBytes: 768 * KIB,
  pathBytes: 4 * KIB,
  inlineFileBytes: 768 * KIB,

  // packages and probes
  packageNames: 1024,
  packageChanges: 4096,
  packageNameChars: 128,
  packageVersionChars: 128,
  lockWaitMs: 300_000,
  lockWaitMaxMs: 86_400_000,
  probeTries: 100,
  probeEveryMs: 2_000,
  probeTimeoutMs: 5_000,
  probeWithinMs: 30_000,
  probeContainsChars: 1024,
  probeBodyBytes: 64 * KIB,
  probeTimeMaxMs: 86_400_000,
  undoTasks: 16,
  undoWithinMaxMs: 86_400_000,
  /** So long an agent that is started anew has to reach its controller before it takes a change back. */
  undoFairMs: 60_000,

  // content that is too large for an order
  contentChunkBytes: 64 * KIB,
  contentMaxBytes: 64 * 1024 * MIB,
  contentWindowChunks: 32,
  treeManifestBytes: 32 * MIB,
  treeEntries: 100_000,

  // agents' own programs
  releaseBytes: 4 * KIB,
  buildsPerRelease: 8,
  buildBytes: 512 * MIB,
  onlineWithinMs: 120_000,
  onlineWithinMaxMs: 3_600_000,

  // session
  preambleBytes: 68 * KIB,
  preProofBytes: 4 * KIB,
  preProofMs: 5_000,
  frameBytes: 2 * MIB,
  outputFrameBytes: 64 * KIB,
  outputWindowBytes: 512 * KIB,
  keepAliveMs: 15_000,
  keepAliveDeadMs: 40_000,
  factsBytes: 256 * KIB,
  reportBytes: 64 * KIB,
  reasonBytes: 4 * KIB,

  // runs
  outputCapBytes: 10 * MIB,
  outputCapMaxBytes: 1024 * MIB,
  timeoutMaxMs: 30 * 86_400_000,
  ttlMaxMs: 30 * 86_400_000,
  killGraceMs: 10_000,
  killGraceMaxMs: 600_000,
  niceMax: 19,
  attemptsMax: 100,
  rebootTimeoutMs: 600_000,
  rebootTimeoutMaxMs: 86_400_000,
} as const;
