/** Shape, after the strict decoder and before any signature: lengths, counts, words. One function per message. */
import type { Message, OrderMessage, TaskMessage } from './codec.ts';
import { type ErrorCode, MusterError } from './errors.ts';
import { KIB, LIMITS } from './limits.ts';

type Check = (condition: boolean, what: string) => void;

function checker(code: ErrorCode): Check {
  return (condition, what) => {
    if (!condition) throw new MusterError(code, what);
  };
}

const wire = checker('malformed');
const order = checker('order-malformed');

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
        TASK_STATES.includes(task.state) && task.signal.length <= 16 && TASK_CHANGES.includes(task.change),
    ),
    'report.tasks',
  );
  wire(isTime(message.startedAtMs) && isTime(message.endedAtMs), 'report.ended_at_ms');
  const output = message.output;
  wire(output !== null && output.sha512.length === 64 && output.stored <= output.length, 'report.output');
}

/** An order's shape, without its meaning. Throws MusterError('order-malformed'). */
export function checkOrder(message: OrderMessage): void {
  order(message.fleetId.length === LIMITS.keyIdBytes, 'fleet_id');
  order(message.jobId.length === LIMITS.jobIdBytes, 'job_id');
  order(message.kind.length > 0 && message.kind.length <= 32, 'kind');
  order(isTime(message.signedAtMs), 'signed_at_ms');
  order(isTime(message.expiresAtMs) && message.expiresAtMs > message.notBeforeMs, 'expires_at_ms');
  order(message.reason.length <= LIMITS.reasonChars, 'reason');
  order(message.tasks.length <= LIMITS.tasksPerOrder, 'tasks');
  for (const task of message.tasks) checkTask(task);
  if (message.kind === 'run') checkRun(message);
  if (message.kind === 'cancel') {
    order(message.tasks.length === 0, 'tasks of a cancel');
    order(message.targetsRoot.length === 0 && message.targetsCount === 0, 'targets of a cancel');
    order(message.cancel?.jobId.length === LIMITS.jobIdBytes, 'cancel.job_id');
    order(message.cancel?.orderHash.length === LIMITS.hashBytes, 'cancel.order_hash');
    order(isTime(message.cancel?.expiresAtMs ?? 0), 'cancel.expires_at_ms');
  } else {
    order(message.cancel === null, 'cancel');
    order(message.targetsRoot.length === LIMITS.hashBytes, 'targets_root');
    order(message.targetsCount > 0 && message.targetsCount <= LIMITS.targetsPerOrder, 'targets_count');
  }
}

function checkRun(message: OrderMessage): void {
  const { limits, retry } = message;
  order(message.tasks.length > 0, 'tasks');
  if (limits === null) throw new MusterError('order-malformed', 'limits');
  order(limits.timeoutMs > 0 && limits.timeoutMs <= LIMITS.timeoutMaxMs, 'limits.timeout_ms');
  order(limits.killGraceMs <= LIMITS.killGraceMaxMs, 'limits.kill_grace_ms');
  order(limits.outputCapBytes <= LIMITS.outputCapMaxBytes, 'limits.output_cap_bytes');
  order(limits.nice <= LIMITS.niceMax, 'limits.nice');
  order(limits.user.length <= 256 && printable(limits.user), 'limits.user');
  order(limits.cwd.length <= 4 * KIB && !limits.cwd.includes('\0'), 'limits.cwd');
  order(limits.env.length <= LIMITS.envItems, 'limits.env');
  for (const { name, value } of limits.env) {
    order(/^[A-Za-z_][A-Za-z0-9_]*$/.test(name), 'limits.env.name');
    order(!value.includes('\0') && value.length <= LIMITS.argBytes, 'limits.env.value');
  }
  if (retry === null) throw new MusterError('order-malformed', 'retry');
  order(retry.policy === 'never' || retry.policy === 'safe', 'retry.policy');
  order(retry.attempts >= 1 && retry.attempts <= LIMITS.attemptsMax, 'retry.attempts');
}

/** The kinds of task, as the field of a task that is set names them. */
export const TASK_KINDS = [
  'command',
  'shell',
  'script',
  'file',
  'tree',
  'service',
  'reboot',
  'collect',
] as const satisfies readonly (keyof TaskMessage)[];
export type TaskKind = (typeof TASK_KINDS)[number];

/** Of a task that was checked. */
export function taskKindOf(task: Pick<TaskMessage, TaskKind>): TaskKind | undefined {
  return TASK_KINDS.find((kind) => task[kind] !== null);
}

function checkTask(task: TaskMessage): void {
  order(TASK_KINDS.filter((kind) => task[kind] !== null).length === 1, 'task: exactly one kind');
  order(task.name.length <= 255 && printable(task.name), 'task.name');
  const { command, shell, script, file, tree, service, reboot, collect, guard } = task;
  if (command) {
    order(command.argv.length > 0 && command.argv[0] !== '', 'command.argv');
    checkArguments(command.argv, 'command.argv');
  }
  if (shell) order(shell.line !== '' && !shell.line.includes('\0'), 'shell.line');
  if (script) {
    order(script.content.length > 0 && script.content.length <= LIMITS.scriptBytes, 'script.content');
    order(script.name.length <= 255 && printable(script.name), 'script.name');
    checkArguments(script.args, 'script.args');
  }
  const stdin = (command ?? shell ?? script)?.stdin;
  order((stdin?.length ?? 0) <= LIMITS.stdinBytes, 'stdin');
  if (file) checkFile(file);
  if (tree) {
    checkPath(tree.path, 'tree.path');
    checkContent(tree.manifest, LIMITS.treeManifestBytes, 'tree.manifest');
    checkOwner(tree, 'tree');
  }
  if (service) checkService(service);
  if (reboot)
    order(reboot.timeoutMs > 0 && reboot.timeoutMs <= LIMITS.rebootTimeoutMaxMs, 'reboot.timeout_ms');
  if (collect) checkPath(collect.path, 'collect.path');
  if (guard) {
    order(guard.unless !== '' || guard.creates !== '', 'guard');
    order(!guard.unless.includes('\0') && guard.unless.length <= LIMITS.argBytes, 'guard.unless');
    if (guard.creates !== '') checkPath(guard.creates, 'guard.creates');
  }
}

const FILE_STATES = ['file', 'directory', 'link', 'absent'];

function checkFile(file: Message<'FileTask'>): void {
  checkPath(file.path, 'file.path');
  order(FILE_STATES.includes(file.state), 'file.state');
  order(file.state === 'file' || (file.inline.length === 0 && file.content === null), 'file.content');
  order(file.inline.length <= LIMITS.inlineFileBytes, 'file.inline');
  if (file.content !== null) {
    order(file.inline.length === 0, 'file.inline and file.content');
    checkContent(file.content, LIMITS.contentMaxBytes, 'file.content');
  }
  order((file.state === 'link') === (file.target !== ''), 'file.target');
  order(!file.target.includes('\0') && file.target.length <= LIMITS.pathBytes, 'file.target');
  checkOwner(file, 'file');
  order(file.mode <= 0o7777, 'file.mode');
}

function checkService({ unit, state, enabled }: Message<'ServiceTask'>): void {
  order(isUnitName(unit), 'service.unit');
  order(['', 'started', 'stopped', 'restarted', 'reloaded'].includes(state), 'service.state');
  order(['', 'yes', 'no'].includes(enabled), 'service.enabled');
  order(state !== '' || enabled !== '', 'service');
}

/** What systemd takes for the name of a unit, and no option of its commands. */
export function isUnitName(unit: string): boolean {
  return /^[A-Za-z0-9_@:.\\][A-Za-z0-9_@:.\\-]{0,254}$/.test(unit);
}

/** Absolute, and the one spelling of it: nothing in it that a file system would resolve. */
export function isPlainPath(path: string): boolean {
  if (!path.startsWith('/') || path.includes('\0') || path.length > LIMITS.pathBytes) return false;
  if (path === '/') return true;
  return path
    .slice(1)
    .split('/')
    .every((part) => part !== '' && part !== '.' && part !== '..');
}

function checkPath(path: string, what: string): void {
  order(isPlainPath(path), what);
}

function checkOwner({ owner, group }: { owner: string; group: string }, what: string): void {
  order(owner.length <= 256 && printable(owner) && group.length <= 256 && printable(group), `${what}.owner`);
}

function checkContent(content: Message<'Content'> | null, maxBytes: number, what: string): void {
  order(content !== null && content.sha512.length === 64 && content.key.length === 32, what);
  order((content?.length ?? 0) <= maxBytes, `${what}.length`);
}

/** Of content whose digest an order named. Throws MusterError('order-malformed'). */
export function checkTreeManifest(manifest: Message<'TreeManifest'>): void {
  order(manifest.version === 1, 'manifest.version');
  order(manifest.entries.length <= LIMITS.treeEntries, 'manifest.entries');
  const folders = new Set(['']);
  const seen = new Set<string>();
  for (const { path, kind, mode, content, target } of manifest.entries) {
    order(path !== '' && isPlainPath(`/${path}`), 'manifest.path');
    order(!seen.has(path), 'manifest.path twice');
    seen.add(path);
    order(
      folders.has(path.slice(0, Math.max(0, path.lastIndexOf('/')))),
      'manifest: a parent that is not there',
    );
    order(kind === 'file' || kind === 'directory' || kind === 'link', 'manifest.kind');
    if (kind === 'directory') folders.add(path);
    order(mode <= 0o7777, 'manifest.mode');
    order((kind === 'file') === (content !== null), 'manifest.content');
    if (content) checkContent(content, LIMITS.contentMaxBytes, 'manifest.content');
    order((kind === 'link') === (target !== ''), 'manifest.target');
    order(!target.includes('\0') && target.length <= LIMITS.pathBytes, 'manifest.target');
  }
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

function checkArguments(args: readonly string[], what: string): void {
  order(args.length <= LIMITS.argvItems, what);
  order(
    args.every((arg) => !arg.includes('\0') && arg.length <= LIMITS.argBytes),
    what,
  );
}
