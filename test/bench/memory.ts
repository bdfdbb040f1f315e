/** What agent and controller hold while they have nothing to do. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { short, table } from './figures.ts';
import { memoryOf } from './proc.ts';
import { bin, ended, startWorld } from './world.ts';

const IDLE_MS = 10_000;
const RUNS = 100;
const AIM_MIB = 20;

export async function memory(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'muster-bench-'));
  const world = await startWorld(folder);
  const others: ChildProcess[] = [
    spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' }),
    spawn(bin('muster'), ['serve', '--listen', '127.0.0.1:0'], {
      stdio: 'ignore',
      env: { ...process.env, MUSTER_HOME: join(folder, 'other') },
    }),
  ];
  const [bare, controller] = others;
  const rows: string[][] = [];
  const measure = (name: string, child: ChildProcess | undefined): void => {
    const { rssKib, pssKib, privateDirtyKib } = memoryOf(child?.pid ?? 0);
    rows.push([name, ...[rssKib, pssKib, privateDirtyKib].map((kib) => short(kib / 1024))]);
  };
  try {
    await wait(IDLE_MS);
    measure('the runtime alone, idle', bare);
    measure('agent, idle since its start', world.agent);
    measure('controller, idle since its first start', controller);
    for (let run = 0; run < RUNS; run++) await world.run('real', ['uname', '-a']);
    await world.run('real', ['/bin/sh', '-c', 'head -c 5000000 /dev/zero']);
    await wait(IDLE_MS);
    measure(`agent, idle after ${RUNS} commands and 5 MB of output`, world.agent);
    return [
      `Memory after ${IDLE_MS / 1000} s without work (aim for the idle agent: Private_Dirty below ${AIM_MIB} MiB)`,
      table(['MiB', 'RSS', 'PSS', 'Private_Dirty'], rows),
    ].join('\n');
  } finally {
    for (const child of others) await ended(child);
    await world.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
