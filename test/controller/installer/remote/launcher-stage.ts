/** The real launcher below a folder of its own, with agents that are made up: what one does is a line of shell. */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { launcherText } from '../../../../controller/installer/remote/launcher.ts';
import { layoutAt } from '../../../../controller/installer/remote/layout.ts';
import { encodeTrial, RESULT_LINES, type Slot, type Trial } from '../../../../proto/slots.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { until } from '../../../support/until.ts';

/** With the programs that come with it, since the launcher uses those. */
export const SHELLS = {
  dash: ['/bin/dash'],
  busybox: ['/bin/busybox', 'sh'],
} as const;
export type ShellName = keyof typeof SHELLS;

/** What the launcher starts beside itself; each may be the last thing that it does. */
const TOOLS = ['cat', 'ln', 'mv', 'readlink', 'rm', 'sync'];

export const STAYS = 'exec /bin/sleep 1000';
export const ENDS = 'exit 3';

export interface Started {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<number | null>;
}

export interface Stage {
  readonly root: string;
  readonly program: string;
  /** Of the agents that were started, in this order. */
  starts(): string[];
  current(): string;
  fill(slot: Slot, line: string): void;
  /** Slot b is on trial, and current. */
  try(more?: Partial<Trial>): void;
  /** Runs it until it has become an agent or has ended. */
  launch(options?: { cutAt?: number; args?: readonly string[] }): Promise<Started>;
  /** Whether a launch was cut where it was to be. */
  wasCut(): boolean;
  text(...names: string[]): string;
}

export function stage(t: { after(fn: () => void): void }, name: ShellName): Stage {
  const root = temporaryFolder(t);
  const layout = layoutAt(root);
  const { program, launcher } = layout;
  const children: ChildProcess[] = [];
  t.after(() => {
    for (const { pid } of children) endGroup(pid);
  });
  mkdirSync(layout.bin, { recursive: true });
  writeFileSync(launcher, launcherText(layout));
  const tools = join(root, 'tools');
  mkdirSync(tools);
  for (const tool of TOOLS) writeTool(tools, tool, name);
  writeFileSync(join(root, 'calls'), '');
  writeFileSync(join(root, 'starts'), '');

  const made: Stage = {
    root,
    program,
    starts: () => lines(join(root, 'starts')),
    wasCut: () => existsSync(join(root, 'cut')),
    current: () => readlinkSync(layout.current),
    text: (...names) => readFileSync(join(program, ...names), 'utf8'),
    fill(slot, line) {
      const folder = layout.slots[slot];
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder);
      const script = `#!/bin/sh\necho "$MUSTER_AGENT_SLOT $*" >>${root}/starts\n${line}\n`;
      writeFileSync(join(folder, 'agent'), script, { mode: 0o755 });
      writeFileSync(join(folder, 'release.json'), '{}');
    },
    try(more = {}) {
      beginTrial(layout.trial, more);
      rmSync(layout.current, { force: true });
      symlinkSync('b', layout.current);
    },
    async launch({ cutAt = 0, args = ['run'] } = {}) {
      const [shell, ...first] = SHELLS[name];
      const before = made.starts().length;
      const child = spawn(shell, [...first, launcher, ...args], {
        detached: true,
        stdio: 'ignore',
        env: { PATH: `${tools}:/usr/bin:/bin`, CUT_AT: String(cutAt) },
      });
      children.push(child);
      const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
      const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
      await until('it has started an agent or ended', () => isOver() || made.starts().length > before);
      return { child, pid: child.pid ?? 0, ended };
    },
  };
  made.fill('a', STAYS);
  made.fill('b', STAYS);
  symlinkSync('a', layout.current);
  return made;
}

/** Counts its call; where CUT_AT says so, the launcher and all that it started are killed before it. */
function writeTool(folder: string, tool: string, name: ShellName): void {
  const real = name === 'busybox' ? `/bin/busybox ${tool}` : join('/bin', tool);
  const script = `#!/bin/dash
here=\${0%/*}/..
printf . >>"$here/calls"
[ "$CUT_AT" -gt 0 ] || exec ${real} "$@"
[ "$(/usr/bin/wc -c <"$here/calls")" -ne "$CUT_AT" ] || { : >"$here/cut"; kill -9 0; }
exec ${real} "$@"
`;
  writeFileSync(join(folder, tool), script, { mode: 0o755 });
}

export function beginTrial(folder: string, more: Partial<Trial>): void {
  const made = `${folder}.new`;
  mkdirSync(made);
  const trial: Trial = {
    ...{ order: '00-1', oldVersion: '0.1.0', newVersion: '0.2.0', withinSeconds: 60 },
    old: 'a',
    new: 'b',
    ...{ boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(), uptime: uptime() },
    ...more,
  };
  writeFileSync(join(made, 'about'), encodeTrial(trial));
  writeFileSync(join(made, 'kept'), RESULT_LINES.kept);
  writeFileSync(join(made, 'back'), RESULT_LINES.back);
  symlinkSync(trial.old, join(made, 'old'));
  renameSync(made, folder);
}

export const uptime = (): number => Math.floor(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]));

/** Starts whatever is to be started, as a service manager does, until something stays: which is told. */
export async function untilOneStays(s: Stage, cutAt = 0): Promise<string> {
  for (let n = 0; n < 8; n++) {
    const started = await s.launch({ cutAt: s.wasCut() ? 0 : cutAt });
    const hasStayed = await stays(started);
    endGroup(started.pid);
    await started.ended;
    if (hasStayed) return s.starts().at(-1) ?? '';
  }
  throw new Error('nothing stayed');
}

/** An agent that stays is a `sleep` in the end. */
export const stays = ({ pid, child }: Started): Promise<boolean> =>
  until('it stays or ends', () => {
    if (child.exitCode !== null || child.signalCode !== null) return { is: false };
    return nameOf(pid) === 'sleep' && { is: true };
  }).then(({ is }) => is);

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** Who is in the process group that it leads, itself left out. */
export function othersOf(pid: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((other) => {
      try {
        const stat = readFileSync(`/proc/${other}/stat`, 'latin1');
        const [, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return other !== pid && Number(group) === pid;
      } catch {
        return false;
      }
    });
}

/** Its process group, which it leads. */
export function endGroup(pid: number | undefined): void {
  try {
    if (pid) process.kill(-pid, 'SIGKILL');
  } catch {}
}

function lines(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
}
