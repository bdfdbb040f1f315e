import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { startFleet, type TestFleet } from './fleet.ts';
import { assertBounded, flood } from './flood.ts';

const MIB = 1024 * 1024;
const sha512 = (bytes: Uint8Array): string => createHash('sha512').update(bytes).digest('hex');

/** Shell lines that write the same to $KEPT and to standard output. */
const KINDS: [string, string][] = [
  ['zero bytes', 'head -c 3000000 /dev/zero | tee $KEPT'],
  ['random bytes, which are no UTF-8', 'head -c 3000001 /dev/urandom | tee $KEPT'],
  [
    'characters cut in two by pauses',
    String.raw`printf '\342\202' | tee $KEPT; sleep 0.1; printf '\254' | tee -a $KEPT`,
  ],
  ['4 MB without a newline', "head -c 4000000 /dev/zero | tr '\\0' x | tee $KEPT"],
  [
    'one byte at a time',
    'i=0; while [ $i -lt 3000 ]; do printf x; i=$((i+1)); done; head -c 3000 /dev/zero | tr "\\0" x > $KEPT',
  ],
  ['nothing but newlines', "head -c 1000000 /dev/zero | tr '\\0' '\\n' | tee $KEPT"],
  ['nothing', ': > $KEPT'],
];

describe('output', () => {
  let fleet: TestFleet;
  const pids: Record<string, number> = {};
  const ends: (() => unknown)[] = [];
  before(async () => {
    fleet = await startFleet({ after: (fn) => void ends.push(fn) });
    const [loud] = await Promise.all([fleet.agent('loud'), fleet.agent('quiet')]);
    pids.agent = loud.process.child.pid ?? 0;
    pids.controller = fleet.controller.child.pid ?? 0;
  });
  test.after(async () => {
    for (const end of ends) await end();
  });

  async function stored(job: string): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    const given = { params: { job, agent: 'loud' }, query: { stream: 'stdout' as const } };
    for await (const piece of await fleet.client.open('jobs.output', given)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  for (const [number, [what, line]] of KINDS.entries()) {
    test(`${what}: what is kept is what was written, to the byte`, async () => {
      const kept = join(fleet.folder, `kept-${number}`);
      const finished = await fleet.muster([
        'run',
        '-t',
        'loud',
        '--json',
        '--env',
        `KEPT=${kept}`,
        '--shell',
        line,
      ]);
      assert.equal(finished.status, 0, finished.stderr);
      const [{ job } = { job: '' }] = await fleet.client.call('jobs.list', { query: { limit: 1 } });
      const written = readFileSync(kept);
      const bytes = await stored(job);
      assert.deepEqual([bytes.length, sha512(bytes)], [written.length, sha512(written)]);
      const [run] = (await fleet.client.call('jobs.show', { params: { job } })).runs;
      assert.deepEqual([run?.outputBytes, run?.truncated], [written.length, false]);
    });
  }

  test('yes until its timeout: the first bytes up to the cap, the true length, and told as cut', async () => {
    const capBytes = 300_001;
    const body = {
      targets: 'loud',
      tasks: [{ command: { argv: ['yes'] } }],
      timeoutMs: 2_000,
      outputCapBytes: capBytes,
    };
    const { job } = await fleet.client.call('jobs.create', { body });
    await fleet.muster(['jobs', 'logs', '-f', job]);
    const [run] = (await fleet.client.call('jobs.show', { params: { job } })).runs;
    assert.equal(run?.state, 'timed-out');
    assert.deepEqual([run.storedBytes, run.truncated], [capBytes, true]);
    assert.ok(run.outputBytes > 10 * capBytes, `${run.outputBytes} bytes`);
    assert.ok((await stored(job)).equals(Buffer.from('y\n'.repeat(capBytes)).subarray(0, capBytes)));
  });

  test('512 MiB of output: memory of both sides is bounded, its true length is told, and others are served', async (t) => {
    const [bytes, capBytes] = [512 * MIB, 2 * MIB];
    const seen = await flood(fleet, { on: 'loud', beside: 'quiet', bytes, capBytes, pids });
    t.diagnostic(`${seen.seconds.toFixed(1)} s, grown by ${JSON.stringify(seen.grownMib)} MiB`);
    assertBounded(seen, bytes, capBytes);
  });
});
