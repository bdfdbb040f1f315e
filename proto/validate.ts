/** Shape, after the strict decoder and before any signature: lengths, counts, words. One function per message. */
import type { Message } from './codec.ts';
import { type ErrorCode, MusterError } from './errors.ts';
import { LIMITS } from './limits.ts';

type Check = (condition: boolean, what: string) => void;

export function checker(code: ErrorCode): Check {
  return (condition, what) => {
    if (!condition) throw new MusterError(code, what);
  };
}

const wire = checker('malformed');

const printable = (text: string): boolean => !/[\0-\x1f\x7f-\x9f]/.test(text);

/** Whether a Date can hold it; past that, toISOString throws. */
export const isTime = (ms: number): boolean => ms <= 8.64e15;

export function checkHello(message: Message<'Hello'>): void {
  wire(message.versions.length > 0 && message.versions.length <= 16, 'hello.versions');
  wire(message.fleetId.length === LIMITS.keyIdBytes, 'hello.fleet_id');
  wire(message.agentId.length === LIMITS.keyIdBytes, 'hello.agent_id');
  wire(message.rootKeyId.length === LIMITS.keyIdBytes, 'hello.root_key_id');
  wire(message.nonce.length === LIMITS.nonceBytes, 'hello.nonce');
  wire(message.ephemeral.length === LIMITS.publicKeyBytes, 'hello.ephemeral');
  wire(message.purpose === 'session' || message.purpose === 'enrol', 'hello.purpose');
}

export function checkWelcomeBody(message: Message<'WelcomeBody'>): void {
  wire(message.nonce.length === LIMITS.nonceBytes, 'welcome.nonce');
  wire(message.ephemeral.length === LIMITS.publicKeyBytes, 'welcome.ephemeral');
  wire(message.controllerKeyId.length === LIMITS.keyIdBytes, 'welcome.controller_key_id');
  wire(isTime(message.timeMs), 'welcome.time_ms');
}

export function checkProofBody(message: Message<'ProofBody'>): void {
  wire(message.epoch.length === LIMITS.keyIdBytes, 'proof.epoch');
  wire(message.instance.length === LIMITS.keyIdBytes, 'proof.instance');
  wire(message.counter > 0, 'proof.counter');
  wire(message.bootId.length <= 64 && printable(message.bootId), 'proof.boot_id');
  wire(message.agentVersion.length <= 64 && printable(message.agentVersion), 'proof.agent_version');
  wire([0, LIMITS.hashBytes].includes(message.factsDigest.length), 'proof.facts_digest');
  wire(isTime(message.wallMs), 'proof.wall_ms');
}

export function checkEnrolRequest(message: Message<'EnrolRequest'>): void {
  wire(message.signPublicKey.length === LIMITS.publicKeyBytes, 'enrol.sign_public_key');
  wire(message.boxPublicKey.length === LIMITS.publicKeyBytes, 'enrol.box_public_key');
  wire(message.epoch.length === LIMITS.keyIdBytes, 'enrol.epoch');
  wire(Object.keys(message.labels).length <= LIMITS.labelsPerAgent, 'enrol.labels');
  wire(message.hostname.length <= LIMITS.nameChars, 'enrol.hostname');
  wire(message.machineId.length <= 128, 'enrol.machine_id');
}

export function checkDeliver(message: Message<'Deliver'>): void {
  const check = checker('order-too-large');
  wire(message.orderHash.length === LIMITS.hashBytes, 'deliver.order_hash');
  wire(message.epk.length === LIMITS.publicKeyBytes, 'deliver.epk');
  wire(message.keyBox.length === 48, 'deliver.key_box');
  check(message.proof.length <= LIMITS.proofHashes, 'proof');
  wire(
    message.proof.every((hash) => hash.length === LIMITS.hashBytes),
    'deliver.proof',
  );
  check(
    message.chunks.length > 0 && message.chunks.length <= LIMITS.signedOrderBytes / LIMITS.chunkBytes + 1,
    'chunks',
  );
  check(
    message.chunks.every((chunk) => chunk.length <= LIMITS.chunkBytes + 16),
    'chunk',
  );
  check(message.paramsBox.length <= LIMITS.paramsBytes + 16, 'params');
}

export function checkStatus(message: Message<'Status'>): void {
  wire(message.jobId.length === LIMITS.jobIdBytes, 'status.job_id');
  wire(message.orderHash.length === LIMITS.hashBytes, 'status.order_hash');
  wire(['accepted', 'running', 'refused'].includes(message.state), 'status.state');
  wire(message.code.length <= 64 && message.detail.length <= LIMITS.reasonBytes, 'status.detail');
  wire(isTime(message.atMs), 'status.at_ms');
  wire(message.task < LIMITS.tasksPerOrder, 'status.task');
}

export function checkOutput(message: Message<'Output'>): void {
  wire(message.jobId.length === LIMITS.jobIdBytes, 'output.job_id');
  wire(message.stream === 'stdout' || message.stream === 'stderr', 'output.stream');
  wire(message.data.length > 0 && message.data.length <= LIMITS.outputFrameBytes, 'output.data');
  wire(message.attempt > 0, 'output.attempt');
}

const TERMINAL = ['succeeded', 'failed', 'timed-out', 'cancelled', 'rejected', 'expired', 'interrupted'];
const TASK_STATES = ['succeeded', 'failed', 'timed-out', 'cancelled', 'interrupted', 'skipped'];

const TASK_CHANGES = ['', 'changed', 'unchanged', 'would-change'];

export function checkReport(message: Message<'Report'>): void {
  wire(message.fleetId.length === LIMITS.keyIdBytes, 'report.fleet_id');
  wire(message.agentId.length === LIMITS.keyIdBytes, 'report.agent_id');
  wire(message.epoch.length === LIMITS.keyIdBytes, 'report.epoch');
  wire(message.reportSeq > 0, 'report.report_seq');
  wire(message.previous.length === LIMITS.hashBytes, 'report.previous');
  wire(message.jobId.length === LIMITS.jobIdBytes, 'report.job_id');
  wire(message.orderHash.length === LIMITS.hashBytes, 'report.order_hash');
  wire(TERMINAL.includes(message.state), 'report.state');
  wire(message.reason.length <= LIMITS.reasonBytes && message.code.length <= 64, 'report.reason');
  wire(message.tasks.length <= LIMITS.tasksPerOrder, 'report.tasks');
  wire(
    message.tasks.every(
      (task) =>
        TASK_STATES.includes(task.state) &&
        task.signal.length <= 16 &&
        TASK_CHANGES.includes(task.change) &&
        task.code.length <= 64,
    ),
    'report.tasks',
  );
  wire(isTime(message.startedAtMs) && isTime(message.endedAtMs), 'report.ended_at_ms');
  const output = message.output;
  wire(output !== null && output.sha512.length === 64 && output.stored <= output.length, 'report.output');
}

export function checkContentRequest(message: Message<'ContentRequest'>): void {
  wire(message.jobId.length === LIMITS.jobIdBytes, 'content_request.job_id');
  wire(message.sha512.length === 64, 'content_request.sha512');
  wire(message.count > 0 && message.count <= LIMITS.contentWindowChunks, 'content_request.count');
}

export function checkContentChunk(message: Message<'ContentChunk'>): void {
  wire(message.sha512.length === 64, 'content_chunk.sha512');
  wire(message.data.length <= LIMITS.contentChunkBytes + 16, 'content_chunk.data');
}
