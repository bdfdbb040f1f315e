import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { requires } from '../support/requires.ts';
import { until } from '../support/until.ts';
import { lines, start, startFleet } from './fleet.ts';
import { createNetwork } from './network.ts';
import { oracleLine, readOracle } from './oracle.ts';

const RELAY = join(import.meta.dirname, 'relay-process.ts');
const DELAY_MS = 200;
/** Longer than the job takes, shorter than a link takes to be given up. */
const DARK_MS = 4_000;
const NEEDS = requires('root', 'network-namespaces', 'ip', 'nft');

const numbers = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index}\n`).join('');

interface Outcome {
  event: string;
  agent: string;
  state: string;
  text?: string;
}

// They wait more than they work.
describe('a bad network', { concurrency: 2 }, () => {
  test(
    'over a network with 200 ms of delay and 5 % loss, jobs end well and their output is exact',
    NEEDS,
    async (t) => {
      const network = createNetwork(t, ['far-1', 'far-2']);
      const fleet = await startFleet(t, { by: network.controllerBy, host: network.host });
      const { port } = new URL(fleet.url);
      const [ip = '', ...inside] = network.controllerBy;
      const relay = start(t, ip, [...inside, process.execPath, RELAY, network.host, port, String(DELAY_MS)]);
      const relayPort = await until('the relay listens', () => /^\d+/.exec(relay.stdout())?.[0]);
      const flags = ['--url', `https://${network.host}:${relayPort}`];
      await Promise.all(
        ['far-1', 'far-2'].map((name) => fleet.agentWith(name, { by: network.agentBy(name), flags })),
      );
      network.lose('far-1', 5);
      network.lose('far-2', 5);
      const quick = await fleet.muster(['run', '-t', 'all', '--json', '--', 'echo', 'hello']);
      assert.equal(quick.status, 0, quick.stderr);
      const long = await fleet.muster(['run', '-t', 'far-1', '--', 'seq', '1', '60000']);
      assert.equal(long.status, 0, long.stderr);
      assert.ok(long.stdout === numbers(1, 60_000), `${long.stdout.length} bytes came`);
    },
  );

  test(
    'a cable that is pulled while a job runs: its output and outcome arrive when it is back, and nothing twice',
    NEEDS,
    async (t) => {
      const network = createNetwork(t, ['far-1', 'far-2']);
      const fleet = await startFleet(t, { by: network.controllerBy, host: network.host });
      await Promise.all(
        ['far-1', 'far-2'].map((name) => fleet.agentWith(name, { by: network.agentBy(name) })),
      );
      const oracle = join(fleet.folder, 'oracle');
      const line = `${oracleLine(oracle)}seq 1 500; sleep 1; seq 501 20000; sleep 1; seq 20001 20500`;
      const running = fleet.begin(['run', '-t', 'far-1', '--ttl', '1m', '--json', '--shell', line]);
      await until('its first output is shown', () => running.stdout().includes('500\\n'));
      network.cut('far-1');
      const meanwhile = await fleet.muster(['run', '-t', 'far-2', '--', 'echo', 'not my cable']);
      assert.deepEqual([meanwhile.stdout, meanwhile.status], ['not my cable\n', 0]);
      // Made while the cable is out: sent into it, and delivered once.
      const waiting = fleet.begin([
        'run',
        '-t',
        'far-1',
        '--ttl',
        '1m',
        '--json',
        '--shell',
        `${oracleLine(oracle)}true`,
      ]);
      await wait(DARK_MS);
      network.mend('far-1');
      const { stdout, status, stderr } = await running.ended;
      assert.equal(status, 0, stderr);
      const events = lines<Outcome>(stdout);
      const text = events.map((event) => (event.event === 'output' ? event.text : '')).join('');
      assert.ok(text === numbers(1, 20_500), `${text.length} characters came`);
      assert.equal((await waiting.ended).status, 0);
      const starts = readOracle(oracle).map(({ job }) => job);
      assert.deepEqual([starts.length, new Set(starts).size], [2, 2]);
    },
  );
});
