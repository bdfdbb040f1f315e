/** Shape of an order and of what it names, after the strict decoder and before any signature. */
import type { Message, OrderMessage, TaskMessage } from './codec.ts';
import { MusterError } from './errors.ts';
import { KIB, LIMITS } from './limits.ts';
import { checker, isTime } from './validate.ts';
import { checkPackages } from './validate-packages.ts';
import { checkProbe } from './validate-probe.ts';

const order = checker('order-malformed');
const wire = checker('malformed');

const printable = (text: string): boolean => !/[\0-\x1f\x7f-\x9f]/.test(text);

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
  // What is not known is refused by its kind, not by its shape.
  if (message.kind === 'run' || OWN_KINDS.some((kind) => kind === message.kind)) checkRun(message);
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

/** Kinds of order that hold the task of that name, alone, and are the only ones to hold it: who may sign which is the trust document's to say. */
const OWN_KINDS = ['upgrade', 'uninstall'] as const;

function checkRun(message: OrderMessage): void {
  const { kind, tasks, limits, retry } = message;
  order(tasks.length > 0, 'tasks');
  for (const own of OWN_KINDS)
    order(
      tasks.every((task) => (task[own] !== null) === (kind === own)),
      `tasks of kind ${own}`,
    );
  if (limits === null) throw new MusterError('order-malformed', 'limits');
  // Whoever may sign these kinds, and where a policy allows them, may not yet run a line of shell: a guard is one, what takes it back may be one, and variables
  // (NODE_OPTIONS, PATH) come to one in the commands that look at the new version.
  if (kind !== 'run')
    order(
      tasks.length === 1 && !tasks[0]?.guard && !tasks[0]?.undo && limits.env.length === 0,
      `kind ${kind}`,
    );
  // An agent that says that it was carried out is taken out of the fleet: so nothing may let it say so that did not do it.
  order(kind !== 'uninstall' || !message.check, 'uninstall');
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
  'upgrade',
  'uninstall',
  'packages',
  'probe',
] as const satisfies readonly (keyof TaskMessage)[];
export type TaskKind = (typeof TASK_KINDS)[number];

/** Of a task that was checked. */
export function taskKindOf(task: Pick<TaskMessage, TaskKind>): TaskKind | undefined {
  return TASK_KINDS.find((kind) => task[kind] !== null);
}

function checkTask(task: TaskMessage): void {
  order(TASK_KINDS.filter((kind) => task[kind] !== null).length === 1, 'task: exactly one kind');
  order(task.name.length <= 255 && printable(task.name), 'task.name');
  const { script, tree, reboot, collect, upgrade, probe, guard, undo } = task;
  checkCommon(task);
  if (script) {
    order(script.content.length > 0 && script.content.length <= LIMITS.scriptBytes, 'script.content');
    order(script.name.length <= 255 && printable(script.name), 'script.name');
    checkArguments(script.args, 'script.args');
  }
  order((script?.stdin.length ?? 0) <= LIMITS.stdinBytes, 'stdin');
  if (tree) {
    checkPath(tree.path, 'tree.path');
    checkContent(tree.manifest, LIMITS.treeManifestBytes, 'tree.manifest');
    checkOwner(tree, 'tree');
  }
  if (reboot)
    order(reboot.timeoutMs > 0 && reboot.timeoutMs <= LIMITS.rebootTimeoutMaxMs, 'reboot.timeout_ms');
  if (collect) checkPath(collect.path, 'collect.path');
  if (upgrade) checkUpgrade(upgrade);
  if (probe) checkProbe(probe, checkCommon);
  if (undo) checkUndo(undo);
  order(!undo || (!reboot && !probe && !collect), 'undo: of what changes something and goes on');
  if (guard) {
    order(guard.unless !== '' || guard.creates !== '', 'guard');
    order(!guard.unless.includes('\0') && guard.unless.length <= LIMITS.argBytes, 'guard.unless');
    if (guard.creates !== '') checkPath(guard.creates, 'guard.creates');
  }
}

/** The kinds of task that stand elsewhere too: in what is undone, in what is probed. */
type Common = Pick<Message<'UndoTask'>, 'command' | 'shell'> & Partial<Message<'UndoTask'>>;

function checkCommon({ command, shell, file, service, packages }: Common): void {
  if (command) {
    order(command.argv.length > 0 && command.argv[0] !== '', 'command.argv');
    checkArguments(command.argv, 'command.argv');
  }
  if (shell) order(shell.line !== '' && !shell.line.includes('\0'), 'shell.line');
  order(((command ?? shell)?.stdin.length ?? 0) <= LIMITS.stdinBytes, 'stdin');
  if (file) checkFile(file);
  if (service) checkService(service);
  if (packages) checkPackages(packages);
}

function checkUndo({ withinMs, tasks }: Message<'Undo'>): void {
  order(withinMs > 0 && withinMs <= LIMITS.undoWithinMaxMs, 'undo.within_ms');
  order(tasks.length > 0 && tasks.length <= LIMITS.undoTasks, 'undo.tasks');
  for (const task of tasks) {
    const { command, shell, file, service, packages } = task;
    const kinds = [command, shell, file, service, packages].filter((kind) => kind !== null);
    order(kinds.length === 1, 'undo: exactly one kind');
    checkCommon(task);
    order(packages === null || packages.action === 'revert', 'undo.packages.action');
    // It may be needed where nothing can be fetched.
    order(file?.content == null, 'undo.file.content');
  }
}

function checkUpgrade({ release, signatures, contents, onlineWithinMs }: Message<'UpgradeTask'>): void {
  order(release.length > 0 && release.length <= LIMITS.releaseBytes, 'upgrade.release');
  order(signatures.length > 0 && signatures.length <= LIMITS.signaturesPerOrder, 'upgrade.signatures');
  order(contents.length > 0 && contents.length <= LIMITS.buildsPerRelease, 'upgrade.contents');
  for (const content of contents) checkContent(content, LIMITS.buildBytes, 'upgrade.content');
  order(onlineWithinMs > 0 && onlineWithinMs <= LIMITS.onlineWithinMaxMs, 'upgrade.online_within_ms');
}

const FORMS = ['bundle', 'executable'];
const ARCHES = ['x64', 'arm64'];

/** Of a release whose signature is right. Throws MusterError('malformed'). */
export function checkRelease({ agentVersion, builds }: Message<'Release'>): void {
  wire(/^\d{1,9}\.\d{1,9}\.\d{1,9}$/.test(agentVersion), 'release.agent_version');
  wire(builds.length > 0 && builds.length <= LIMITS.buildsPerRelease, 'release.builds');
  for (const { form, arch, sha512, length } of builds) {
    wire(FORMS.includes(form), 'release.form');
    wire(form === 'bundle' ? arch === '' : ARCHES.includes(arch), 'release.arch');
    wire(sha512.length === 64 && length > 0 && length <= LIMITS.buildBytes, 'release.sha512');
  }
  wire(
    new Set(builds.map(({ form, arch }) => `${form} ${arch}`)).size === builds.length,
    'release: a build twice',
  );
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

function checkArguments(args: readonly string[], what: string): void {
  order(args.length <= LIMITS.argvItems, what);
  order(
    args.every((arg) => !arg.includes('\0') && arg.length <= LIMITS.argBytes),
    what,
  );
}
