import { localAccounts, processIds } from '../../../../agent/executor/account.ts';
import type { Contents } from '../../../../agent/executor/tasks/content.ts';
import { bringFile, type FilePorts, type FileTask } from '../../../../agent/executor/tasks/file.ts';
import { createScratch } from '../../../../agent/executor/tasks/put.ts';
import type { TaskPorts } from '../../../../agent/executor/tasks/steps.ts';
import { createTurns } from '../../../../agent/executor/tasks/turns.ts';
import { MusterError } from '../../../../proto/errors.ts';
import { probeSockets } from '../../../../proto/probe-socket.ts';
import { systemClock } from '../../../../proto/system.ts';

/** Has no content at all. */
const NO_CONTENTS: Contents = {
  fetch: async () => {
    throw new MusterError('content-refused', 'there is none');
  },
};

/** The ports of this machine, as an agent that just started has them. */
export function portsOf(more: Partial<FilePorts> = {}): FilePorts {
  const self = processIds();
  return {
    accounts: localAccounts(),
    contents: NO_CONTENTS,
    scratch: createScratch('test', self.uid),
    checkWrite: () => {},
    self,
    ...more,
  };
}

export function fileTask(path: string, more: Partial<FileTask> = {}): FileTask {
  return {
    path,
    state: 'file',
    inline: Buffer.from('new\n'),
    content: null,
    target: '',
    owner: '',
    group: '',
    mode: 0,
    ...more,
  };
}

/** What became of a task: whether it changed something, what it said, or why it failed. */
export async function bring(
  task: FileTask,
  options: { ports?: FilePorts; check?: boolean; signal?: AbortSignal } = {},
): Promise<{ changed: boolean; lines: string[] } | { code: string; message: string }> {
  const { ports = portsOf(), check = false, signal = new AbortController().signal } = options;
  const lines: string[] = [];
  try {
    const run = { jobId: '00'.repeat(16), signal, check, say: (line: string) => void lines.push(line) };
    return { changed: await bringFile(task, ports, run), lines };
  } catch (cause) {
    const { code = '', message } = cause as Error & { code?: string };
    return { code, message };
  }
}

/** All that the steps of a test need; `directories` is what there is of the init system's. */
export function taskPorts(more: Partial<TaskPorts> = {}, directories: readonly string[] = []): TaskPorts {
  return {
    ...portsOf(),
    clock: systemClock,
    sockets: probeSockets,
    rebootCommand: ['true'],
    whyReboot: async () => undefined,
    turns: createTurns(),
    packages: async () => ({ state: 'failed', reason: 'not here' }),
    leave: () => {},
    checkRead: () => {},
    programs: { isDirectory: (path) => directories.includes(path) },
    ...more,
  };
}
