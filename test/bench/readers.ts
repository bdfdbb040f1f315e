/** Hundreds of readers of a long output who take a byte a second, and what a command costs beside them. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathOf } from '../../controller/api/contract.ts';
import type { Context } from '../../controller/cli/context.ts';
import { durations, percentile, short } from './figures.ts';
import { memoryOf } from './proc.ts';
import { startWorld, type World } from './world.ts';

const READERS = 300;
const OUTPUT_BYTES = 8_000_000;

export async function readers({ rounds }: { rounds: number }): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'muster-bench-'));
  const world = await startWorld(folder);
  try {
    const { job } = await world.client.call('jobs.create', {
      body: { targets: 'real', tasks: [{ shell: { line: `head -c ${OUTPUT_BYTES} /dev/zero` } }] },
    });
    await measure(world, 20);
    const before = await measure(world, rounds);
    const rssBefore = rssMib(world);
    const slow = await Promise.all(Array.from({ length: READERS }, () => slowReader(world, job)));
    const ticking = setInterval(() => {
      for (const reader of slow) reader?.read(1);
    }, 1_000);
    const during = await measure(world, rounds);
    const rssDuring = rssMib(world);
    clearInterval(ticking);
    for (const reader of slow) reader?.destroy();
    const after = await measure(world, rounds);
    const p99 = (samples: readonly number[]): number => percentile(samples, 0.99);
    const ratio = p99(during) / Math.max(p99(before), p99(after));
    return [
      `/bin/true on one agent; ${READERS} readers of ${OUTPUT_BYTES / 1e6} MB of output who take a byte a second, ${slow.filter(Boolean).length} of them let in`,
      durations([
        { name: 'before', samples: before },
        { name: 'beside them', samples: during, against: before },
        { name: 'afterwards', samples: after, against: before },
      ]),
      `p99 beside them is ${short(ratio)}× the p99 without (promised: at most 2×); the controller's memory went from ${short(rssBefore)} to ${short(rssDuring)} MiB`,
    ].join('\n');
  } finally {
    await world.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(world: World, rounds: number): Promise<number[]> {
  const samples: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { reached, ended } = await world.run('real', ['/bin/true']);
    samples.push(ended - reached);
  }
  return samples;
}

/** Undefined for one that is told to come later. */
function slowReader(world: World, job: string): Promise<IncomingMessage | undefined> {
  const context = JSON.parse(readFileSync(join(world.home, 'context.json'), 'utf8')) as Context;
  const url = new URL(pathOf('jobs.events', { params: { job }, query: { follow: true } }), context.url);
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      agent: false,
      rejectUnauthorized: false,
      headers: { authorization: `Bearer ${context.token}` },
    });
    sent.once('error', reject);
    sent.once('response', (response) => {
      response.on('error', () => {});
      response.pause();
      if (response.statusCode === 200) return resolve(response);
      response.destroy();
      resolve(undefined);
    });
    sent.end();
  });
}

const rssMib = (world: World): number => memoryOf(world.controller.process.pid ?? 0).rssKib / 1024;
