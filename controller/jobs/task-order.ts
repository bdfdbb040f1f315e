/** A task as an order has it. Pure. */
import { TargetParams, type TaskMessage } from '../../proto/codec.ts';
import { MusterError } from '../../proto/errors.ts';
import { LIMITS } from '../../proto/limits.ts';
import { checkTargetParams } from '../../proto/validate-packages.ts';
import { PARAMS_VERSION } from '../../proto/version.ts';
import type {
  ContentRequest,
  PackagesRequest,
  ProbeRequest,
  TaskKindRequest,
  TaskRequest,
  Transaction,
  UndoRequest,
} from './task.ts';

const NO_BYTES = new Uint8Array(0);

const NO_KIND = {
  command: null,
  shell: null,
  script: null,
  file: null,
  tree: null,
  service: null,
  reboot: null,
  collect: null,
  upgrade: null,
  uninstall: null,
  packages: null,
  probe: null,
} as const;

/** Throws MusterError('bad-request'). */
export function taskOf(task: TaskRequest): TaskMessage {
  const { name = '', unless = '', creates = '', undo } = task;
  const guard = unless || creates ? { unless, creates } : null;
  return { name, guard, undo: undo === undefined ? null : undoOf(undo), ...NO_KIND, ...kindOfTask(task) };
}

function undoOf({ withinMs, tasks }: UndoRequest): TaskMessage['undo'] {
  return {
    withinMs,
    tasks: tasks.map((task) => {
      const { command = null, shell = null, file = null, service = null, packages = null } = kindOfTask(task);
      return { command, shell, file, service, packages };
    }),
  };
}

function kindOfTask(task: TaskKindRequest): Partial<TaskMessage> {
  if ('command' in task)
    return { command: { argv: task.command.argv, stdin: decode(task.command.stdin, 'stdin') } };
  if ('shell' in task) return { shell: { line: task.shell.line, stdin: decode(task.shell.stdin, 'stdin') } };
  if ('script' in task) {
    const { content, args, name, stdin } = task.script;
    return {
      script: { content: decode(content, 'script.content'), args, name, stdin: decode(stdin, 'stdin') },
    };
  }
  if ('file' in task) {
    const { path, state, inline, content, target = '', owner = '', group = '', mode = 0 } = task.file;
    const named = content === undefined ? null : contentOf(content);
    return {
      file: {
        path,
        state,
        inline: decode(inline, 'file.inline'),
        content: named,
        target,
        owner,
        group,
        mode,
      },
    };
  }
  if ('tree' in task) {
    const { path, manifest, owner = '', group = '' } = task.tree;
    return { tree: { path, manifest: contentOf(manifest), owner, group } };
  }
  if ('service' in task) {
    const { unit, state = '', enabled } = task.service;
    return { service: { unit, state, enabled: enabled === undefined ? '' : enabled ? 'yes' : 'no' } };
  }
  if ('reboot' in task) {
    const { timeoutMs = LIMITS.rebootTimeoutMs, ifNeeded = false } = task.reboot;
    return { reboot: { timeoutMs, ifNeeded } };
  }
  if ('packages' in task) return { packages: packagesOf(task.packages) };
  if ('probe' in task) return { probe: probeOf(task.probe) };
  if ('upgrade' in task) {
    const { release, signatures, contents, onlineWithinMs = LIMITS.onlineWithinMs } = task.upgrade;
    return {
      upgrade: {
        release: decode(release, 'upgrade.release'),
        signatures: signatures.map(({ keyId, signature }) => ({
          keyId: Buffer.from(keyId, 'hex'),
          signature: decode(signature, 'upgrade.signature'),
        })),
        contents: contents.map(contentOf),
        onlineWithinMs,
      },
    };
  }
  if ('uninstall' in task) return { uninstall: { keepPolicy: task.uninstall.keepPolicy ?? false } };
  return { collect: { path: task.collect.path } };
}

export function contentOf({ sha512, length, key }: ContentRequest) {
  return { sha512: Buffer.from(sha512, 'hex'), length, key: Buffer.from(key, 'hex') };
}

function decode(base64: string | undefined, what: string): Uint8Array {
  if (base64 === undefined) return NO_BYTES;
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.toString('base64') !== base64) throw new MusterError('bad-request', `${what} is not base64`);
  return bytes;
}

function packagesOf(task: PackagesRequest): NonNullable<TaskMessage['packages']> {
  const { action } = task;
  const changes = action === 'apply' || action === 'revert' || action === 'ensure';
  return {
    action,
    names: task.names ?? [],
    exclude: task.exclude ?? [],
    security: task.security ?? false,
    state: task.state ?? (action === 'ensure' ? 'present' : ''),
    version: task.version ?? '',
    configFiles: task.configFiles ?? (changes ? 'keep' : ''),
    wayBack: task.wayBack ?? (action === 'apply' ? 'wanted' : ''),
    lockWaitMs: task.lockWaitMs ?? LIMITS.lockWaitMs,
  };
}

/** Where nothing else is said: one good try within half a minute. */
function probeOf(probe: ProbeRequest): NonNullable<TaskMessage['probe']> {
  const { need = 1, of = need, holdMs = 0, everyMs = LIMITS.probeEveryMs } = probe;
  const { timeoutMs = LIMITS.probeTimeoutMs, withinMs = LIMITS.probeWithinMs } = probe;
  const times = { need, of, everyMs, timeoutMs, withinMs, holdMs };
  const none = { command: null, shell: null, http: null, tcp: null, ...times };
  if ('command' in probe) return { ...none, command: { argv: probe.command.argv, stdin: NO_BYTES } };
  if ('shell' in probe) return { ...none, shell: { line: probe.shell.line, stdin: NO_BYTES } };
  if ('tcp' in probe) return { ...none, tcp: probe.tcp };
  const { url, status = 0, contains = '', insecure = false } = probe.http;
  return { ...none, http: { url, status, contains, insecure } };
}

/** What one target's share of the order holds for it alone. Throws MusterError('bad-request'). */
export function paramsOf({ manager, changes }: Transaction): Uint8Array {
  const params = { version: PARAMS_VERSION, transaction: { manager, changes } };
  try {
    const bytes = TargetParams.encode(params);
    checkTargetParams(TargetParams.decode(bytes));
    return bytes;
  } catch (cause) {
    if (cause instanceof MusterError) throw new MusterError('bad-request', cause.detail, { cause });
    throw cause;
  }
}
