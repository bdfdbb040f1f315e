/** How long the command line takes to start, and what it costs. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { sharedMs } from './child.ts';
import { median, percentile, short, table } from './figures.ts';
import { interleave, type Sampler } from './interleave.ts';
import { cpuOf } from './proc.ts';
import { bin, startWorld } from './world.ts';

interface Program {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  readonly aimMs?: number;
}

const PROGRAMS: readonly Program[] = [
  { name: 'the runtime alone: node -e 0', argv: [process.execPath, '-e', '0'] },
  { name: 'muster --version', argv: [bin('muster'), '--version'], aimMs: 150 },
  {
    name: 'muster run -t real -- true',
    argv: [bin('muster'), 'run', '-t', 'real', '--', 'true'],
    aimMs: 250,
  },
  { name: 'muster agents --json', argv: [bin('muster'), 'agents', '--json'] },
  { name: 'muster-agent --version', argv: [bin('muster-agent'), '--version'] },
];

export async function startUp({ rounds }: { rounds: number }): Promise<string> {
  const times = Math.max(10, Math.round(rounds / 5));
  const world = await startWorld(existsSync('/dev/shm') ? '/dev/shm' : tmpdir());
  const cpu = new Map<string, number[]>();
  try {
    const samplers = Object.fromEntries(
      PROGRAMS.map(({ name, argv }): [string, Sampler] => [
        name,
        async () => {
          const beforeMs = cpuOf('self').childrenMs;
          const tookMs = await once(argv, { ...process.env, MUSTER_HOME: world.home });
          cpu.set(name, [...(cpu.get(name) ?? []), cpuOf('self').childrenMs - beforeMs]);
          return tookMs;
        },
      ]),
    );
    const wall = await interleave(samplers, { rounds: times, warmUp: 3 });
    const rows = PROGRAMS.map(({ name, aimMs }) => {
      const spent = (cpu.get(name) ?? []).slice(-times);
      const mean = spent.reduce((total, one) => total + one, 0) / spent.length;
      return [
        name,
        short(mean),
        aimMs === undefined ? '' : String(aimMs),
        short(median(wall[name] ?? [])),
        short(percentile(wall[name] ?? [], 0.99)),
      ];
    });
    return [
      `Whole processes, each ${times} times in turns`,
      table(['milliseconds', 'CPU (mean)', 'aim', 'wall p50', 'wall p99'], rows),
    ].join('\n');
  } finally {
    await world.stop();
  }
}

function once([program, ...args]: readonly [string, ...string[]], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const from = sharedMs();
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'], env });
    child.once('error', reject);
    child.once('exit', (status) =>
      status === 0 ? resolve(sharedMs() - from) : reject(new Error(`${program}: status ${status}`)),
    );
  });
}
